/* Passwords that are fetched when a lane connects: from a file only its owner can read, or from a command
 * with a deadline. */
#ifndef DBATOP_RUN_CREDENTIAL_H
#define DBATOP_RUN_CREDENTIAL_H

#include "core/base/ctx.h"
#include "core/model/endpoint.h"

/* The password for ep, by password, password_file or password_command, in that order. *out is NULL when the
 * endpoint names none of them (the clients' own files decide); the caller frees it with free_secret(). May
 * block until ctx ends; a command that is still running then is killed with its process group. ERR_AUTH when
 * the file or the command is at fault, ERR_TIMEOUT, ERR_CANCELLED. */
bool credential_password(const struct ctx *ctx, const struct endpoint *ep, char **out, struct err *e);

#endif

/* Passwords from the terminal. Before the first thread; blocks until the user has answered. */
#ifndef DBATOP_CLI_PROMPT_H
#define DBATOP_CLI_PROMPT_H

#include "core/model/config.h"

/* Fills the password of every instance that has no source for one. ERR_USAGE without a terminal. */
bool prompt_passwords(struct config *cfg, struct err *e);

#endif

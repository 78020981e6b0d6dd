/* Between term.c and the keeper process it starts (see term.h): what they tell each other. */
#ifndef DBATOP_TESTS_SUPPORT_TERM_KEEPER_H
#define DBATOP_TESTS_SUPPORT_TERM_KEEPER_H

#include <stdbool.h>
#include <sys/types.h>
#include <termios.h>

/* From the keeper, one message each on a SOCK_SEQPACKET socket. */
struct keeper_report {
	enum { KEEPER_STARTED, KEEPER_STOPPED, KEEPER_CONTINUED, KEEPER_EXITED } what;
	pid_t program;
	int status;        /* of waitpid */
	bool has_settings; /* the tty's settings at that moment; none after a hang-up */
	struct termios settings;
};

/* To the keeper: one byte brings the program to the foreground and continues it; the end of the socket kills
 * it. */
enum { KEEPER_FOREGROUND = 'f' };

/* Becomes the keeper in a child after fork: takes slave as the controlling terminal, starts the program,
 * reports. Calls only what is safe between fork and exec; never returns. */
_Noreturn void keeper_run(int slave, int socket, const char *const argv[], const char *const env[]);

#endif

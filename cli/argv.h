/* The command line as others on the machine can read it. Before the first thread; does not block. */
#ifndef DBATOP_CLI_ARGV_H
#define DBATOP_CLI_ARGV_H

/* A copy of argv (NULL-terminated, argv_free it), after which the passwords in the original's URLs are stars:
 * /proc and ps show the original. There is a moment before in which they do not; a password_file has none. */
char **argv_take(int argc, char **argv);
void argv_free(char **copy);

#endif

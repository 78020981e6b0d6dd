/* Where dbatop begins: the process is prepared, the command line read, the subcommand run. Whatever it
 * returns, the process ends without waiting for anybody. */
#include <stdio.h>

#include <openssl/crypto.h>

#include "cli/argv.h"
#include "cli/cli.h"
#include "core/run/process.h"

/* libpq brings libldap, which brings GnuTLS, which starts itself as soon as it is loaded unless the program
 * has this function (its GNUTLS_SKIP_GLOBAL_INIT). libldap starts it before it uses it, and we hardly ever
 * do: that is 0.9 MB of 13. */
int _gnutls_global_init_skip(void); /* NOLINT(bugprone-reserved-identifier): GnuTLS has named it */
int _gnutls_global_init_skip(void)  /* NOLINT(bugprone-reserved-identifier): GnuTLS has named it */
{
	return 1;
}

int main(int argc, char **argv)
{
	struct cli cli;
	struct err e;
	char **args = argv_take(argc, argv);
	process_prepare();
	/* Its exit handlers would free what lanes that were left behind still use. */
	OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);

	if (!cli_parse(argc, args, &cli, &e)) {
		argv_free(args);
		return process_leave(cli_fail(&e));
	}
	int code = EXIT_OK;
	if (cli.set[OPT_HELP])
		cli_help(cli.command, stdout);
	else if (cli.set[OPT_VERSION])
		printf("dbatop %s\n", DBATOP_VERSION);
	else
		code = cli_subcommands[cli.command].run(&cli);
	cli_free(&cli);
	argv_free(args);
	if (fflush(stdout) != 0 || ferror(stdout))
		code = code == EXIT_OK ? EXIT_FAILED : code;
	return process_leave(code);
}

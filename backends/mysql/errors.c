/* The one table of error numbers: MySQL's and MariaDB's texts are translated and change, their numbers do
 * not. */
#include "backends/mysql/errors.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static const struct {
	unsigned number;
	enum err_code code;
} codes[] = {
        {1040, ERR_LIMIT}, /* too many connections */
        {1203, ERR_LIMIT}, /* max_user_connections */
        {1226, ERR_LIMIT}, /* a limit of the account */
        {1044, ERR_AUTH},  /* no right to the database */
        {1045, ERR_AUTH},  /* wrong user or password */
        {1049, ERR_AUTH},  /* no such database */
        {1129, ERR_AUTH},  /* host blocked after too many errors */
        {1130, ERR_AUTH},  /* host not allowed */
        {1251, ERR_AUTH},  /* authentication protocol not supported */
        {1698, ERR_AUTH},  /* MariaDB: plugin refused without a password */
        {1820, ERR_AUTH},  /* the password must be changed first */
        {1862, ERR_AUTH},  /* the password has expired */
        {3118, ERR_AUTH},  /* MySQL: account locked */
        {4151, ERR_AUTH},  /* MariaDB: account locked */
        {2049, ERR_AUTH},
        {2054, ERR_AUTH},
        {2058, ERR_AUTH},
        {2059, ERR_AUTH},
        {2060, ERR_AUTH},
        {2061, ERR_AUTH},   /* the client's authentication plugin failed */
        {1095, ERR_DENIED}, /* not the owner of the thread */
        {1142, ERR_DENIED},
        {1143, ERR_DENIED},
        {1227, ERR_DENIED},
        {1370, ERR_DENIED},
        {1979, ERR_DENIED},       /* MariaDB: not the owner of the query */
        {1205, ERR_SERVER_LIMIT}, /* lock_wait_timeout */
        {1317, ERR_SERVER_LIMIT}, /* interrupted: KILL QUERY */
        {1969, ERR_SERVER_LIMIT}, /* MariaDB: max_statement_time */
        {3024, ERR_SERVER_LIMIT}, /* MySQL: max_execution_time */
        {1054, ERR_UNSUPPORTED},  /* no such column */
        {1109, ERR_UNSUPPORTED},  /* no such table in information_schema */
        {1146, ERR_UNSUPPORTED},  /* no such table */
        {1193, ERR_UNSUPPORTED},  /* no such variable */
        {1305, ERR_UNSUPPORTED},  /* no such procedure */
        {1053, ERR_LOST},         /* server shutting down */
        {1077, ERR_LOST},
        {1078, ERR_LOST},
        {1079, ERR_LOST},
        {1152, ERR_LOST},
        {1158, ERR_LOST},
        {1159, ERR_LOST},
        {1160, ERR_LOST},
        {1161, ERR_LOST},
        {1927, ERR_LOST}, /* MariaDB: killed */
        {4031, ERR_LOST}, /* MySQL: idle too long */
        {2006, ERR_LOST},
        {2013, ERR_LOST},
        {2055, ERR_LOST},
        {2001, ERR_REFUSED},
        {2002, ERR_REFUSED},
        {2003, ERR_REFUSED},
        {2004, ERR_REFUSED},
        {2005, ERR_RESOLVE},
        {2026, ERR_TLS},
        {3159, ERR_TLS}, /* require_secure_transport */
        {2007, ERR_PROTOCOL},
        {2012, ERR_PROTOCOL},
        {2014, ERR_PROTOCOL},
        {2020, ERR_PROTOCOL},
        {2027, ERR_PROTOCOL},
};

enum err_code sqlerr_code(unsigned number)
{
	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
		if (codes[i].number == number)
			return codes[i].code;
	}
	return number >= 2000 && number < 3000 ? ERR_IO : ERR_SERVER;
}

bool sqlerr_set(struct err *e, unsigned number, const char *sqlstate, const char *text)
{
	err_set(e, sqlerr_code(number), "%s (%u)", text != NULL && *text != '\0' ? text : "no reason given",
	        number);
	if (e != NULL) {
		e->native = (int)number;
		strncpy(e->sqlstate, sqlstate != NULL ? sqlstate : "", sizeof e->sqlstate - 1);
		e->sqlstate[sizeof e->sqlstate - 1] = '\0';
	}
	return false;
}

bool sqlerr_connect(struct err *e, int errnum, const char *where)
{
	err_set_errno(e, errnum, "%s", where);
	if (e == NULL)
		return false;
	switch (errnum) {
	case ECONNREFUSED:
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EHOSTDOWN:
	case ENETDOWN:
	case ETIMEDOUT:
	case ENOENT:
	case EACCES:
	case EADDRNOTAVAIL:
		e->code = ERR_REFUSED;
		break;
	case ECONNRESET:
	case EPIPE:
		e->code = ERR_LOST;
		break;
	default:
		break;
	}
	return false;
}

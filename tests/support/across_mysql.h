/* From the fleet to who causes an incident, on a MySQL or MariaDB and its replica that are the test's own:
 * rows locked by a forgotten transaction, a change of a table that everybody queues behind, a transaction
 * left open, a statement that does not end, a stopped applier. Returns what cmocka says. */
#ifndef DBATOP_TESTS_SUPPORT_ACROSS_MYSQL_H
#define DBATOP_TESTS_SUPPORT_ACROSS_MYSQL_H

int across_mysql(const char *kind);

#endif

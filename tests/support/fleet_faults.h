/* Faults of servers as the person at the dashboard meets them, the same for each engine: every way not to get
 * in, every way to fall silent, every way to come back as another one. One engine a program. */
#ifndef DBATOP_TESTS_SUPPORT_FLEET_FAULTS_H
#define DBATOP_TESTS_SUPPORT_FLEET_FAULTS_H

/* A private server of that kind beside the lab's own of both engines, which must never notice anything. */
void fleet_faults_setup(const char *kind, const char *name);
void fleet_faults_teardown(void);
/* After each test, also one that failed: the server goes on, nobody holds a connection. */
int fleet_faults_tidy(void **state);

/* At the start: stopped, black hole, mute, stalled at authentication, one byte a second, reset, refused,
 * wrong password, TLS failure, no rights. */
void fleet_faults_ways_in(void **state);
void fleet_faults_stopped(void **state); /* SIGSTOP mid-query, later SIGCONT */
void fleet_faults_stalled(void **state); /* mid-result */
void fleet_faults_dripped(void **state); /* one byte a second */
void fleet_faults_cut(void **state);     /* reset, then refused, then a black hole */
void fleet_faults_killed(void **state);  /* kill -9 and started again */
void fleet_faults_restarted(void **state);
void fleet_faults_crashed(void **state);  /* PostgreSQL: one process dies, the server ends all and recovers */
void fleet_faults_full(void **state);     /* no connection is left, before the start and while it runs */
void fleet_faults_promoted(void **state); /* a replica of the private server becomes a primary */

#endif

/* Tests of what a timeout leaves behind, the same for each engine: a statement that runs too long; open
 * connections that nothing gets through; a server that is stopped and continued. One engine a program. */
#ifndef DBATOP_TESTS_SUPPORT_RIG_FAULTS_H
#define DBATOP_TESTS_SUPPORT_RIG_FAULTS_H

#include "tests/support/rig.h"

/* A private server of that kind. */
void rig_faults_setup(const struct driver *d, const char *kind, const char *name);
void rig_faults_teardown(void);

void rig_faults_timed_out(void **state); /* TLS off and on: ended long before the server's own limit */
void rig_faults_cut_off(void **state);   /* ended over a new ADMIN connection */
void rig_faults_stopped(void **state);   /* for longer than a connect may take */

#endif

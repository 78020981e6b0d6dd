/* One to four servers polled by real lanes against the scripted database: what every test of the poller
 * needs. The manual clock moves only when a test lets time go by. One at a time; test thread only. */
#ifndef DBATOP_TESTS_SUPPORT_LANES_H
#define DBATOP_TESTS_SUPPORT_LANES_H

#include <stdbool.h>
#include <stdint.h>

#include "core/run/poll.h"

enum { LANES_INSTANCES = 4, LANES_PATIENCE_MS = 10000 };

struct lanes {
	struct cluster_cfg cluster;
	struct instance_cfg instances[LANES_INSTANCES];
	struct config cfg;
	struct probe_set *probes;
	struct hub *hub;
	struct poller *poller;
	struct snapshot *snap; /* the last one looked at */
	/* What holds() looks for. */
	bool (*want)(struct lanes *f);
	const char *probe;
	enum err_code code;
	unsigned n;
	uint32_t step_ms; /* how fast time goes by */
	mono_ns end;
	struct job *job;
	struct job_view view;
};

extern struct lanes L;

int lanes_setup(void **state);
int lanes_teardown(
        void **state); /* stops what runs; nothing is left open, never more than three connections */
void lanes_start(bool once, bool admin);
void lanes_stop(void);
void lanes_want(const char *probe); /* on every instance */

/* Takes a snapshot; the slot and the link of the first instance in it. */
void lanes_look(void);
const struct slot_view *lanes_slot(const char *probe);
const struct link_view *lanes_link(void);

/* Fail the test when the condition does not come to hold; a snapshot is taken before each look. `later`: time
 * goes by meanwhile, step_ms every 2 ms. */
void lanes_until(bool (*condition)(struct lanes *f));
void lanes_until_later(bool (*condition)(struct lanes *f));
void lanes_pass(int64_t seconds);
void lanes_until_latest(const char *probe, enum err_code code, bool later);
void lanes_until_asked(const char *probe, unsigned n);
bool lanes_asked_often(struct lanes *f); /* L.probe, at least L.n times */
bool lanes_admin_is_up(struct lanes *f);
bool lanes_is_down(struct lanes *f);
bool lanes_is_up(struct lanes *f);

#endif

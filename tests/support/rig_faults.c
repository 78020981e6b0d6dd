/* The three ways in which a timeout could leave something behind on a real server, for each engine's test. */
#include "tests/support/rig_faults.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/chaos.h"
#include "tests/support/test.h"
#include "tests/support/wait.h"

/* The server's own limit is 5,500 ms: what is over sooner was ended by us. */
enum { ENDED_MS = 3000, PATIENCE_MS = 15000, HEALED_MS = 25000 };

static const char *const modes[] = {"disable", "require"};

static struct chaos *chaos;
static struct lab_server server;
static struct rig rig;
static const struct driver *driver;

void rig_faults_setup(const struct driver *d, const char *kind, const char *name)
{
	driver = d;
	chaos = chaos_start();
	server = lab_spawn(kind, name, NULL);
}

void rig_faults_teardown(void)
{
	lab_resume(&server);
	lab_remove(server.name);
	chaos_stop(chaos);
}

static bool ready(struct rig *r)
{
	return rig_link(r)->admin_up && rig_slot(r, "pulse")->good != NULL;
}

static bool slow_timed_out(struct rig *r)
{
	const struct sample *s = rig_slot(r, "slow")->latest;
	return s != NULL && s->err->code == ERR_TIMEOUT;
}

/* Back to normal: connected, no zombie, ADMIN there, and a fresh answer. */
static bool healed(struct rig *r)
{
	const struct link_view *l = rig_link(r);
	const struct sample *s = rig_slot(r, "pulse")->latest;
	return l->state == LINK_UP && l->zombies == 0 && l->admin_up && s != NULL &&
	       s->err->code == ERR_NONE && r->snap->now - s->finished < NS_PER_S;
}

static bool nothing_sleeps(struct rig *r)
{
	return rig_sleeping(r) == 0;
}

/* The moment at which the open connections died, and how many had been made until then. */
static mono_ns cut_at;
static long made_before;
static struct chaos_door cut_door;

/* Answered over a connection that was made since: that the link was down in between may have been too short
 * to be seen. */
static bool made_anew(struct rig *r)
{
	const struct sample *s = rig_slot(r, "pulse")->good;
	return chaos_stat(cut_door).accepted > made_before && s != NULL && s->finished > cut_at;
}

static bool is_down(struct rig *r)
{
	return rig_link(r)->state == LINK_DOWN;
}

static bool nobody_left(void *arg)
{
	return rig_connections(arg) == 0;
}

static void begin(int port, const char *mode)
{
	rig_start(&rig, driver, &server, port, mode);
	if (!rig_until(&rig, ready, false, PATIENCE_MS))
		fail_msg("%s, TLS %s: not ready: %s", server.name, mode, rig_link(&rig)->err.text);
}

static void expect(const char *what, bool (*condition)(struct rig *r), bool paused, int ms)
{
	if (!rig_until(&rig, condition, paused, ms))
		fail_msg("%s: not %s within %d ms; link %d, %u connections, %u zombies: %s", rig.server.name,
		        what, ms, rig_link(&rig)->state, rig_link(&rig)->connections, rig_link(&rig)->zombies,
		        rig_link(&rig)->err.text);
}

static void end(void)
{
	assert_true(rig_connections(&rig) <= 2);
	rig_stop(&rig);
	assert_true(wait_until(nobody_left, &rig, PATIENCE_MS));
}

void rig_faults_timed_out(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		begin(0, modes[i]);
		rig_want(&rig, true);
		expect("timed out", slow_timed_out, false, PATIENCE_MS);
		rig_want(&rig, false);
		expect("ended", nothing_sleeps, false, ENDED_MS);
		expect("healed", healed, false, ENDED_MS);
		end();
	}
}

/* Nothing gets through on the connections that are open, new ones work: a firewall that forgot them. The
 * abandoned statement is ended over a new ADMIN connection, and its lane returns. */
void rig_faults_cut_off(void **state)
{
	(void)state;
	struct chaos_door door = chaos_listen(chaos, server.host, server.port);
	begin(door.port, "disable");
	rig_want(&rig, true);
	expect("timed out", slow_timed_out, false, PATIENCE_MS);
	rig_want(&rig, false);
	expect("healed", healed, false, ENDED_MS);
	chaos_set_only(door, "both", "open", "stall");
	cut_door = door;
	cut_at = clock_now(&clock_real);
	made_before = chaos_stat(door).accepted;
	expect("connected anew", made_anew, false, PATIENCE_MS);
	expect("healed", healed, false, HEALED_MS);
	expect("ended", nothing_sleeps, false, ENDED_MS);
	end();
}

static bool time_passed(void *arg)
{
	return wait_now_ms() >= *(int64_t *)arg;
}

/* The server stops while a statement runs, for longer than a connect may take, and goes on. */
void rig_faults_stopped(void **state)
{
	(void)state;
	begin(0, "require");
	rig_want(&rig, true);
	expect("timed out", slow_timed_out, false, PATIENCE_MS);
	lab_pause(&server);
	expect("down", is_down, true, PATIENCE_MS);
	int64_t until = wait_now_ms() + 4000;
	assert_true(wait_until(time_passed, &until, PATIENCE_MS));
	rig_want(&rig, false);
	lab_resume(&server);
	expect("healed", healed, false, HEALED_MS);
	expect("ended", nothing_sleeps, false, PATIENCE_MS);
	end();
}

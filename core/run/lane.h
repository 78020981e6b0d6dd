/* What the files of the poller share: lanes, the accounts of one server, zombies, jobs. Private to
 * core/run/{poll,lane,ask,reaper,admin,job}.c; everybody else uses poll.h.
 *
 * Safety: `struct station` holds what the lanes of one server share, under its lock; nobody waits, allocates
 * or calls a driver while holding it. All else in a lane belongs to its thread, but for what is atomic. */
#ifndef DBATOP_RUN_LANE_H
#define DBATOP_RUN_LANE_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/run/poll.h"
#include "core/run/schedule.h"

enum {
	CONNECTIONS_MAX = 3, /* at one server, zombies counted */
	ZOMBIES_MAX = CONNECTIONS_MAX,
	DRAIN_MS = 250,          /* a lane keeps its socket so long after a timeout */
	REAP_MS = 250,           /* one attempt to cancel */
	ZOMBIE_MARGIN_MS = 1000, /* after the server's own limit, for it to notice the closed socket */
	PING_EVERY_MS = 15000,
	PING_MS = 800,
	IDLE_CLOSE_MS = 60000, /* SLOW closes when nobody has looked for so long */
	GAP_MS = 2000,         /* woken so much too late: the machine slept */
	SHED_FROM_MS = 50,     /* a wait that is worth giving back what the stack does not need */
	SLACK_MS = 20,         /* probes due so soon are asked in the same breath */
	SPREAD_STEP_MS = 4,    /* between the first connects of two servers */
	SPREAD_MAX_MS = 1000,
	ADMIN_DELAY_MS = 100, /* the screen's first figures come first */
	COST_SECONDS = 10,
};

/* A connection of ours that was closed while its statement may still run. */
struct zombie {
	bool used;
	enum lane_kind owner;
	struct backend_ref ref;
	struct server_identity server; /* ids mean nothing at another server */
	mono_ns expires;               /* by then the server's own limit has ended it */
	mono_ns next;                  /* when ADMIN looks again */
	unsigned tries;
};

/* A lane that drains asks ADMIN to cancel what it started. */
enum reap_state { REAP_NONE, REAP_WANTED, REAP_RUNNING, REAP_DONE };
struct reap_request {
	enum reap_state state;
	struct backend_ref ref;
	struct server_identity server;
};

struct probe_state {
	const struct probe *probe; /* the variant for the connected server; NULL: there is none */
	bool newer;
	bool gated;       /* the last word published was that its gate is closed */
	bool asked;       /* once mode: nothing more to do */
	unsigned kept_of; /* the connection its last good answer came on; 0: none */
	struct schedule when;
};

struct station;

struct lane {
	struct station *st;
	enum lane_kind kind;
	pthread_t thread;
	bool started;            /* under the poller's lock */
	pthread_t before;        /* the thread that the lane was on before it connected */
	bool relieved;           /* there was one */
	mono_ns resume_at;       /* what it left to be done, and when */
	int wake;                /* eventfd */
	atomic_llong busy_until; /* deadline of the call under way; 0: none */

	/* The thread's own. */
	struct ctx ctx;
	struct endpoint endpoint; /* as configured, with the password of this connect */
	char *password;           /* owned; what endpoint.password points at, when we fetched it */
	struct conn *conn;
	mono_ns connect_at;
	unsigned connect_failures;
	unsigned connects;
	mono_ns idle_since;
	mono_ns ping_at; /* ADMIN */
	unsigned kicked; /* the poller's `kicks` that was last obeyed */
	uint64_t random;
	struct probe_state *probe; /* by slot, PROBE_NAMES_MAX; NULL: ADMIN, or not started yet */
	struct job *following;     /* ADMIN: jobs under way */
};

/* One server as the poller sees it. */
struct station {
	struct poller *p;
	size_t instance;
	struct endpoint endpoint;   /* shallow copy: its strings belong to the config */
	struct cluster_cfg cluster; /* the same */
	const struct driver *driver;
	struct driver_env env; /* with this cluster's server-side limits */
	uint32_t fast, slow;   /* slots by lane, for this kind of server */
	struct lane lane[LANE_KINDS];

	pthread_mutex_t lock;
	unsigned open; /* connections, those being opened counted */
	/* Statements that were given up. Most servers never see one: NULL until there was one. */
	struct zombie *zombie; /* places: nzombies */
	size_t nzombies;
	struct reap_request *reap;                   /* by lane */
	struct job *queue;                           /* jobs ADMIN has not begun, oldest first */
	struct server_identity identity[LANE_KINDS]; /* what each lane reached; engine ENGINE_NONE: not up */
	/* Own cost by second, a ring. */
	int64_t cost_second[COST_SECONDS];
	uint32_t cost_queries[COST_SECONDS];
	uint64_t cost_us[COST_SECONDS];
	uint64_t timeouts, reconnects;
};

struct poller {
	struct poller_options opt;
	struct cancel cancel;
	atomic_uint interval_ms;
	atomic_uint kicks;
	atomic_ullong queries, timeouts;
	int done;                          /* eventfd, counts lanes that have come back */
	uint32_t gate_of[PROBE_NAMES_MAX]; /* slots that a slot's gate reads, as a mask */
	pthread_mutex_t lock;
	struct station **stations; /* by instance; NULL: not polled */
	size_t nstations;
	unsigned started, finished;
};

/* lane.c */
bool lane_start(struct lane *l, struct err *e); /* under no lock; started once */
void lane_wake(struct lane *l);
mono_ns lane_now(const struct lane *l);
bool lane_broken(enum err_code code); /* after this error the connection is of no use */
/* Connects when it is time and there is room. False: not connected, *next says when to try again. */
bool lane_connect(struct lane *l, mono_ns *next);
/* Closes. zombie: its statement may still run there, so it goes on counting until it is seen gone. */
void lane_disconnect(struct lane *l, bool zombie);
/* The connection broke by itself or by our hand: link, backoff. */
void lane_lost(struct lane *l, const struct err *e, bool zombie);
void lane_sleep_until(struct lane *l, mono_ns until);

/* ask.c: what FAST and SLOW do; returns when to come back. */
mono_ns ask_step(struct lane *l);
/* A new connection: which variants this server gets. */
void ask_learn_server(struct lane *l);
/* After the machine slept: begin again, spread over one interval. */
void ask_spread(struct lane *l);

/* reaper.c */
/* After a timeout, on the lane: ADMIN cancels, the lane drains. True: the connection can be used again. */
bool reaper_recover(struct lane *l);
/* Takes a place among the connections; false with *next when there is none or a zombie of this lane lives. */
bool reaper_take_place(struct lane *l, mono_ns *next);
void reaper_give_place(struct lane *l, bool zombie);
/* On ADMIN: cancels and ends what was asked for; returns when to come back. */
mono_ns reaper_work(struct lane *admin);

/* admin.c */
mono_ns admin_step(struct lane *l);

/* job.c */
struct job *job_next(struct station *st); /* takes the oldest off the queue; NULL: none */
void job_begin(struct lane *admin, struct job *j);
mono_ns job_work(struct lane *admin);  /* follows what is under way, gives up what waited too long */
void job_drop_all(struct lane *admin); /* the program quits */

/* report.c: how we stand, for the reader. */
void report_connecting(struct lane *l);
void report_up(struct lane *l);
void report_down(struct lane *l, const struct err *e, mono_ns retry_at);
void report_answer(struct lane *l, mono_ns took);
void report_failure(struct lane *l, const struct err *e, mono_ns took);
void report_counts(struct station *st);

#endif

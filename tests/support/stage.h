/* A stage for the shell: a fleet from a fixture, actions that only write down what was asked, and a small
 * view of sessions of its own, so that tests of the shell do not depend on any real screen. One thread. */
#ifndef DBATOP_TESTS_SUPPORT_STAGE_H
#define DBATOP_TESTS_SUPPORT_STAGE_H

#include "tests/support/fixture.h"
#include "tui/shell.h"

struct stage {
	struct fixture *fixture;
	struct manual_clock clock;
	bool real_clock;
	struct config config;
	struct shell_source source;
	struct shell_actions actions;
	struct shell_options options;
	const struct snapshot *snap;
	/* what the shell did */
	unsigned taken, released, started, kicked, added, asked, wants;
	bool second, insisted;
	uint32_t slots; /* of the last want */
	char added_name[128];
	size_t victims;
	enum action_kind kind;
	/* what the actions answer */
	enum action_outcome outcome;
	bool finished;
	char say[128];
	const char *refuse; /* start fails with this */
};

/* Three instances in two clusters, some sessions, one of which blocks. rows: more sessions on the first. */
void stage_begin(struct stage *st, size_t rows);
/* A new sample of the first instance, with so many more sessions. */
void stage_sessions(struct stage *st, size_t rows);
void stage_end(struct stage *st);
struct shell *stage_shell(struct stage *st);
/* Time passes on the stage's clock and the fixture's, and new data arrive. */
void stage_advance(struct stage *st, struct shell *sh, int64_t ms);
/* Types keys: plain characters, and names in angle brackets: "j<enter>:theme light<enter>". */
void stage_type(struct shell *sh, const char *keys);
void stage_paste(struct shell *sh, const char *text);

/* The view of the stage: the sessions of all instances as a list. */
extern const struct view stage_view, stage_other_view;
extern const struct view *const stage_views[];

#endif

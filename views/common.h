/* What every list view does the same way: moving, filtering, severities as marks and styles, small intents.
 * UI thread; never blocks. */
#ifndef DBATOP_VIEWS_COMMON_H
#define DBATOP_VIEWS_COMMON_H

#include "core/model/severity.h"
#include "tui/filter.h"
#include "tui/list.h"
#include "tui/view.h"

enum style severity_style(enum severity s);
const char *severity_mark(enum severity s, bool ascii); /* ● ▲ ✖, or o ! X: one cell */

const char *view_instance_name(const struct view_input *in, size_t instance);

/* A name in at most `cells`: what is cut is cut from its middle, since names of servers differ at their ends.
 */
void view_name(const char *name, int cells, char *out, size_t cap);

struct intent intent_none(void);
struct intent intent_done(void);
struct intent intent_say(const char *text);

/* Moves the cursor for up, down, page and end commands; false for any other. */
bool view_move(struct list *list, const struct list_key *keys, enum command c);

/* Puts the cursor on what stands where its ghost is: for rows that have not ended, but are left out now. */
void view_leave_ghost(struct list *list, const struct list_key *keys);

/* Why the rows of a probe are old or missing, for the instances in scope; false: they are fresh. *all_old: on
 * each of them. many: the scope has more than one instance, so they are named. */
bool view_stale_text(const struct view_input *in, const char *probe, bool many, struct buf *out,
        enum style *style, bool *all_old);

/* One line of clauses above a list: each after a dot, what does not fit is cut with an ellipsis. */
struct view_line {
	struct surface *s;
	int x, y, right;
	bool begun;
};
void view_clause(struct view_line *l, enum style style, const char *text);
/* A whole line; the next one follows. */
void view_say(struct view_line *l, enum style style, const char *text);
/* Where there should be rows and none were ever read: why, for each instance in scope, down to `bottom`. */
void view_say_why_nothing(const struct view_input *in, const char *probe, struct view_line *l, int bottom);

/* A view's filter and what the user typed for it. */
struct filter_box {
	struct filter *filter; /* NULL: everything matches */
	char expression[256];
	char wrong[256];     /* why the last one was not taken; "" when it was */
	const char *trouble; /* filter_trouble of the rows matched so far, as of filter_box_gave_up */
};
enum { FILTER_EXTRA_MAX = 16 };
/* Compiles over the columns' names and `extra` ones (numbered after the columns); an expression that does not
 * compile leaves the old filter in place and `wrong` set. duration: names whose bare numbers are seconds, a
 * mask over both. */
void filter_box_set(struct filter_box *box, const char *expression, const struct list_column *columns,
        size_t n, const char *const *extra, size_t nextra, uint32_t duration);
void filter_box_free(struct filter_box *box);
/* To be asked when all rows were matched; true: an expression has been switched off among them, and those
 * before it are to be matched again without it. */
bool filter_box_gave_up(struct filter_box *box);
/* "filter EXPRESSION leaves out N" as a clause, or what is wrong with it; nothing when there is no filter. */
void filter_box_clause(const struct filter_box *box, unsigned long left_out, struct view_line *l);
/* Answers CMD_FILTER without an argument: the prompt with the current expression. */
struct intent filter_box_prompt(const struct filter_box *box);

/* Answers CMD_SCOPE for the line under the cursor; cluster -1: there is none, instance -1: it is a cluster's.
 * "cluster" and "instance" narrow to that, no argument narrows, or widens what is narrow; any other argument
 * is the shell's. */
struct intent view_scope(const struct view_input *in, int cluster, int instance, const char *arg);

/* Answers CMD_SORT: the next column, or the one named; naming the sorted one again reverses it. ERR text as
 * an intent. */
struct intent view_sort(
        int *sort, bool *reversed, const struct list_column *columns, size_t n, const char *name);

#endif

/* What the render path and the poll path pay for each glyph, cell and statement: nanoseconds, best of several
 * runs, so that a busy machine does not show. */
#include <locale.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/human.h"
#include "core/base/redact.h"
#include "core/base/text.h"

enum { RUNS = 15, BYTES = 60000 };

static char text[BYTES];
static volatile size_t sink; /* keeps the work from being optimised away */

static void fill(const char *piece)
{
	size_t n = strlen(piece);
	for (size_t i = 0; i < BYTES; i++)
		text[i] = i < BYTES - BYTES % n ? piece[i % n] : ' ';
}

/* Each returns how many units of work it did. */
static size_t run_next(void)
{
	struct glyph g;
	size_t glyphs = 0;
	for (size_t pos = 0; text_next(text, BYTES, &pos, &g); glyphs++)
		sink = g.base;
	return glyphs;
}

static size_t run_width(void)
{
	sink = text_width(text, BYTES);
	return sink;
}

static size_t run_truncate(void)
{
	char cell[128];
	size_t cells = 0;
	for (size_t i = 0; i + 60 <= BYTES; i += 60, cells++)
		sink = text_truncate(cell, sizeof(cell), text + i, 60, 40, false);
	return cells;
}

static size_t run_arena(void)
{
	struct arena *a = arena_new();
	for (size_t i = 0; i < 20000; i++)
		sink = (size_t)(uintptr_t)arena_strndup(a, text, 24);
	arena_free(a);
	return 20000;
}

static size_t run_redact(void)
{
	static const char sql[] =
	        "SELECT o.id, o.total FROM orders o JOIN customers c ON c.id = o.customer_id "
	        "WHERE o.status = 'open' AND o.created > '2026-01-01' AND o.total > 100.5 "
	        "ORDER BY o.created DESC LIMIT 50";
	struct buf out;
	buf_init(&out, 4096);
	for (int i = 0; i < 500; i++) {
		buf_reset(&out);
		redact_sql(REDACT_POSTGRES, sql, sizeof(sql) - 1, &out);
		sink = out.len;
	}
	buf_free(&out);
	return 500;
}

static size_t run_human(void)
{
	char out[HUMAN_MAX];
	for (int i = 0; i < 5000; i++)
		sink = (size_t)human_duration(i * 977, out)[0];
	return 5000;
}

static void measure(const char *what, const char *unit, size_t (*run)(void))
{
	double best = 0;
	for (int i = 0; i < RUNS; i++) {
		mono_ns start = clock_now(&clock_real);
		size_t units = run();
		double ns = (double)(clock_now(&clock_real) - start) / (double)units;
		best = i == 0 || ns < best ? ns : best;
	}
	printf("%-34s %9.1f ns/%s\n", what, best, unit);
}

int main(void)
{
	if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
		return 1;
	fill("SELECT * FROM orders WHERE id = 42; ");
	measure("text_next, ASCII", "glyph", run_next);
	measure("text_width, ASCII", "cell", run_width);
	measure("text_truncate to 40, ASCII", "cell of 60 bytes", run_truncate);
	fill("データベース日本語");
	measure("text_next, CJK", "glyph", run_next);
	measure("text_truncate to 40, CJK", "cell of 60 bytes", run_truncate);
	fill("e\u0301a\u0308");
	measure("text_next, with marks", "glyph", run_next);
	fill("\033\xff\x9b");
	measure("text_next, hostile", "glyph", run_next);
	measure("arena_strndup of 24 bytes", "string", run_arena);
	measure("redact_sql of 172 bytes", "statement", run_redact);
	measure("human_duration", "figure", run_human);
	return 0;
}

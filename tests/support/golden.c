/* Golden files: see golden.h. */
#include "tests/support/golden.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/support/test.h"
#include "tui/theme.h"

enum { TEXT_MAX = 4 * 1024 * 1024, PATH_CAP = 1024 };

static void path_of(const char *name, char *out, size_t cap)
{
	if (snprintf(out, cap, "%s/tests/golden/%s.txt", TEST_SOURCE_DIR, name) >= (int)cap)
		fail_msg("golden name too long: %s", name);
}

static void make_folder(const char *path)
{
	char folder[PATH_CAP];
	snprintf(folder, sizeof(folder), "%s", path);
	char *slash = strrchr(folder, '/');
	*slash = '\0';
	if (mkdir(folder, 0777) != 0 && errno != EEXIST)
		fail_msg("%s: %s", folder, strerror(errno));
}

static void write_text(const char *path, const char *text)
{
	make_folder(path);
	FILE *f = fopen(path, "w");
	if (f == NULL)
		fail_msg("%s: %s", path, strerror(errno));
	fwrite(text, 1, strlen(text), f);
	fclose(f);
}

static char *read_text(const char *path)
{
	FILE *f = fopen(path, "r");
	if (f == NULL)
		return NULL;
	char *text = calloc(1, TEXT_MAX + 1);
	assert_non_null(text);
	size_t n = fread(text, 1, TEXT_MAX, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

/* Says which line is the first that differs. */
static void explain(const char *name, const char *want, const char *got)
{
	int line = 1;
	fprintf(stderr, "%s\n", got);
	while (*want != '\0' || *got != '\0') {
		size_t w = strcspn(want, "\n");
		size_t g = strcspn(got, "\n");
		if (w != g || strncmp(want, got, w) != 0)
			fail_msg("golden %s, line %d (UPDATE_GOLDEN=1 rewrites it)\n expected |%.*s|\n      "
			         "got |%.*s|",
			        name, line, (int)w, want, (int)g, got);
		want += w + (want[w] == '\n' ? 1 : 0);
		got += g + (got[g] == '\n' ? 1 : 0);
		line++;
	}
}

void golden_check_text(const char *text, const char *name)
{
	char path[PATH_CAP];
	const char *update = getenv("UPDATE_GOLDEN");
	path_of(name, path, sizeof(path));
	if (update != NULL && strcmp(update, "1") == 0) {
		write_text(path, text);
		return;
	}
	char *want = read_text(path);
	if (want == NULL)
		fail_msg("there is no golden %s: UPDATE_GOLDEN=1 writes it", path);
	bool same = strcmp(want, text) == 0;
	if (!same)
		explain(name, want, text);
	free(want);
	assert_true(same);
}

void golden_picture(const struct surface *s, const char *name)
{
	const char *dir = getenv("DBATOP_PICTURES");
	struct theme theme;
	struct buf svg;
	char path[PATH_CAP];
	char flat[256];
	if (dir == NULL || dir[0] == '\0')
		return;
	snprintf(flat, sizeof(flat), "%s", name);
	for (char *c = flat; *c != '\0'; c++)
		*c = *c == '/' ? '-' : *c;
	const char *wanted = getenv("DBATOP_PICTURES_THEME");
	theme_load(wanted, &theme, NULL);
	buf_init(&svg, (size_t)64 * 1024 * 1024);
	surface_to_svg(s, &theme, name, &svg);
	snprintf(path, sizeof(path), "%s/%s.svg", dir, flat);
	write_text(path, buf_str(&svg));
	buf_free(&svg);
}

void golden_check(const struct surface *s, const char *name)
{
	struct buf text;
	golden_picture(s, name);
	buf_init(&text, TEXT_MAX);
	surface_to_golden(s, &text);
	assert_false(text.overflow);
	golden_check_text(buf_str(&text), name);
	buf_free(&text);
}

/* Themes are YAML files: style → colour and attributes, for truecolor; 256 and 16 colours are mapped down
 * unless the file says otherwise. A bad theme is one error line and the default. Constant after load. */
#ifndef DBATOP_TUI_THEME_H
#define DBATOP_TUI_THEME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "tui/style.h"

enum { COLOUR_NONE = -1 }; /* the terminal's own */
enum { ATTR_BOLD = 1, ATTR_DIM = 2, ATTR_UNDERLINE = 4, ATTR_REVERSE = 8, ATTR_ITALIC = 16 };
enum depth { DEPTH_NONE, DEPTH_16, DEPTH_256, DEPTH_TRUE };

struct look {
	int32_t fg, bg;                   /* 0xRRGGBB or COLOUR_NONE */
	int16_t fg256, bg256, fg16, bg16; /* COLOUR_NONE: derived from fg, bg */
	uint8_t attrs;                    /* with colours */
	uint8_t attrs_mono;               /* without any */
};
/* In a theme file:
 *   name: dark
 *   picture: {fg: "#d0d0d0", bg: "#14181d"}             what a screenshot assumes of the terminal
 *   selected: {bg: "#303a46", bg16: blue, mono: [reverse]}
 *   styles: {warn: {fg: "#ffaf00", fg16: yellow, attrs: [bold], mono: [bold]}, …}   names of styles.def
 *   plot: ["#2f5f8f", "#5fafff"]                         two to eight stops, calm to full
 *   bar: […]
 * A style that is not named looks like the terminal's own text. */

struct theme {
	char name[32];
	struct look look[STYLE_COUNT];
	struct look selected;   /* laid over a selected cell: bg, and attrs when there is no colour */
	int32_t svg_fg, svg_bg; /* the terminal's own colours are unknown: what a picture assumes */
};

/* name: built-in (dark, light, colour-blind, high-contrast, mono) or a path ending in .yaml; NULL or "":
 * dark. On failure e is ERR_USAGE "file:line:column: …" and *out is the default theme. Reads a file; not
 * after the first thread unless a person asked (`:theme`). */
bool theme_load(const char *name, struct theme *out, struct err *e);
const char *const *theme_names(size_t *n);
/* From another source than a file: for tests and fuzzing. */
bool theme_parse(const char *file, const char *text, size_t n, struct theme *out, struct err *e);
/* The look of a style at a depth, indices filled in: at DEPTH_NONE there are no colours and attrs are those
 * without colour. */
struct look theme_look(const struct theme *t, enum style s, bool selected, enum depth depth);

#endif

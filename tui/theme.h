/* Themes are YAML files: style → colour and attributes, for truecolor; 256 and 16 colours are mapped down
 * unless the file says otherwise. A bad theme is one error line and the default. Constant after load. */
#ifndef DBATOP_TUI_THEME_H
#define DBATOP_TUI_THEME_H

#include <stdbool.h>
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

struct theme {
	char name[32];
	struct look look[STYLE_COUNT];
	struct look selected;   /* laid over a selected cell: bg, and attrs when there is no colour */
	int32_t svg_fg, svg_bg; /* the terminal's own colours are unknown: what a picture assumes */
};

/* name: built-in (dark, light, colour-blind, high-contrast, mono) or a path ending in .yaml. ERR_USAGE
 * "file:line:column: …". */
bool theme_load(const char *name, struct theme *out, struct err *e);
const char *const *theme_names(size_t *n);
/* The look of a style at a depth, indices filled in. */
struct look theme_look(const struct theme *t, enum style s, bool selected, enum depth depth);

#endif

/* What a cell means, not what colour it has: a theme maps these to colours for truecolor, 256, 16 and none.
 * So golden screens are readable text and survive themes. */
#ifndef DBATOP_TUI_STYLE_H
#define DBATOP_TUI_STYLE_H

/* STYLE(id, "name in theme files") */
enum style {
#define STYLE(id, name) STYLE_##id,
#include "tui/styles.def"
#undef STYLE
	STYLE_COUNT
};

const char *style_name(enum style s);
enum style style_parse(const char *name); /* STYLE_COUNT when unknown */

enum { STYLE_GRADIENT_STEPS = 8 };
/* The step of a gradient for a value 0 … 1: STYLE_PLOT_0 + n (sparklines), STYLE_BAR_0 + n (bars: calm to
 * crit). */
enum style style_gradient(enum style first, double fraction);

#endif

/* Names of styles and the steps of a gradient: the one table of styles.def, read by themes, goldens and the
 * terminal. */
#include "tui/style.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

static const char *const names[STYLE_COUNT] = {
#define STYLE(id, name) [STYLE_##id] = (name),
#include "tui/styles.def"
#undef STYLE
};

const char *style_name(enum style s)
{
	return s < STYLE_COUNT ? names[s] : "text";
}

enum style style_parse(const char *name)
{
	for (int i = 0; i < STYLE_COUNT; i++) {
		if (strcmp(names[i], name) == 0)
			return (enum style)i;
	}
	return STYLE_COUNT;
}

enum style style_gradient(enum style first, double fraction)
{
	int step = 0;
	if (!isnan(fraction) && fraction > 0)
		step = fraction >= 1 ? STYLE_GRADIENT_STEPS - 1 : (int)(fraction * STYLE_GRADIENT_STEPS);
	return (enum style)((int)first + step);
}

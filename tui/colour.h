/* Colours as numbers: "#5fafff" to 0x5fafff, and down to the 256 and 16 that lesser terminals have. Pure. */
#ifndef DBATOP_TUI_COLOUR_H
#define DBATOP_TUI_COLOUR_H

#include <stdbool.h>
#include <stdint.h>

bool colour_parse(const char *text, int32_t *out); /* "#rrggbb" or "#rgb" */
/* The point `at` (0 … 1) of the way from a to b. */
int32_t colour_mix(int32_t a, int32_t b, double at);
/* The nearest of xterm's colour cube and grey ramp: 16 … 255, since 0 … 15 are the user's own. */
int16_t colour_to_256(int32_t rgb);
/* The nearest by hue first, then brightness: a dull red stays red and does not become grey. */
int16_t colour_to_16(int32_t rgb);
int colour_index_by_name(const char *name); /* "blue", "bright-red"; -1 when unknown */

#endif

/* Colour arithmetic: see colour.h. */
#include "tui/colour.h"

#include <ctype.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static int red(int32_t c)
{
	return (c >> 16) & 0xff;
}
static int green(int32_t c)
{
	return (c >> 8) & 0xff;
}
static int blue(int32_t c)
{
	return c & 0xff;
}

bool colour_parse(const char *text, int32_t *out)
{
	size_t n = strlen(text);
	if (text[0] != '#' || (n != 7 && n != 4))
		return false;
	for (size_t i = 1; i < n; i++) {
		if (!isxdigit((unsigned char)text[i]))
			return false;
	}
	long v = strtol(text + 1, NULL, 16);
	if (n == 4)
		v = ((v & 0xf00) << 8 | (v & 0xf0) << 4 | (v & 0xf)) * 0x11;
	*out = (int32_t)v;
	return true;
}

static int mix(int a, int b, double at)
{
	return (int)(a + (b - a) * at + 0.5);
}

int32_t colour_mix(int32_t a, int32_t b, double at)
{
	return mix(red(a), red(b), at) << 16 | mix(green(a), green(b), at) << 8 | mix(blue(a), blue(b), at);
}

static int distance(int32_t a, int r, int g, int b)
{
	int dr = red(a) - r;
	int dg = green(a) - g;
	int db = blue(a) - b;
	/* The eye's weights, roughly. */
	return 3 * dr * dr + 6 * dg * dg + db * db;
}

int16_t colour_to_256(int32_t rgb)
{
	static const int level[] = {0, 95, 135, 175, 215, 255};
	int best = 16;
	int least = distance(rgb, 0, 0, 0);
	for (int i = 0; i < 216; i++) {
		int d = distance(rgb, level[i / 36], level[i / 6 % 6], level[i % 6]);
		if (d < least) {
			least = d;
			best = 16 + i;
		}
	}
	for (int i = 0; i < 24; i++) {
		int grey = 8 + 10 * i;
		int d = distance(rgb, grey, grey, grey);
		if (d < least) {
			least = d;
			best = 232 + i;
		}
	}
	return (int16_t)best;
}

int16_t colour_to_16(int32_t rgb)
{
	int r = red(rgb);
	int g = green(rgb);
	int b = blue(rgb);
	int high = r > g ? (r > b ? r : b) : (g > b ? g : b);
	int low = r < g ? (r < b ? r : b) : (g < b ? g : b);
	if (high - low < high / 5) {
		/* Grey: black, bright black, white, bright white. */
		return high < 0x40 ? 0 : high < 0xa0 ? 8 : high < 0xe0 ? 7 : 15;
	}
	int half = low + (high - low) / 2;
	int hue = (r > half ? 1 : 0) | (g > half ? 2 : 0) | (b > half ? 4 : 0);
	return (int16_t)(hue + (high >= 0xd8 ? 8 : 0));
}

int colour_index_by_name(const char *name)
{
	static const char *const names[] = {
	        "black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"};
	int base = 0;
	if (strncmp(name, "bright-", 7) == 0) {
		base = 8;
		name += 7;
	}
	for (int i = 0; i < 8; i++) {
		if (strcmp(names[i], name) == 0)
			return base + i;
	}
	return -1;
}

/* Symbols and their ASCII forms, in one table: see surface_ascii.h. */
#include "tui/surface_ascii.h"

struct form {
	uint32_t symbol;
	char ascii;
};

static const struct form forms[] = {
        {0x00a0, ' '},
        {0x00b0, 'o'},
        {0x00b1, '+'},
        {0x00b7, '-'},
        {0x00d7, 'x'},
        {0x2010, '-'},
        {0x2011, '-'},
        {0x2012, '-'},
        {0x2013, '-'},
        {0x2014, '-'},
        {0x2018, '\''},
        {0x2019, '\''},
        {0x201c, '"'},
        {0x201d, '"'},
        {0x2022, '*'},
        {0x2026, '~'},
        {0x2190, '<'},
        {0x2191, '^'},
        {0x2192, '>'},
        {0x2193, 'v'},
        {0x2212, '-'},
        {0x2264, '<'},
        {0x2265, '>'},
        {0x23ce, '>'},
        {0x23f8, '"'},
        {0x23fa, 'o'},
        {0x2500, '-'},
        {0x2502, '|'},
        {0x250c, '+'},
        {0x2510, '+'},
        {0x2514, '`'},
        {0x2518, '+'},
        {0x251c, '|'},
        {0x2524, '|'},
        {0x252c, '+'},
        {0x2534, '+'},
        {0x253c, '+'},
        {0x256d, '+'},
        {0x256e, '+'},
        {0x256f, '+'},
        {0x2570, '+'},
        {0x2574, '-'},
        {0x2576, '-'},
        {0x2581, '_'},
        {0x2582, '_'},
        {0x2583, '.'},
        {0x2584, '.'},
        {0x2585, '-'},
        {0x2586, '-'},
        {0x2587, '='},
        {0x2588, '#'},
        {0x2589, '#'},
        {0x258a, '#'},
        {0x258b, '#'},
        {0x258c, '#'},
        {0x258d, '-'},
        {0x258e, '-'},
        {0x258f, '-'},
        {0x2590, '#'},
        {0x2591, '.'},
        {0x2592, ':'},
        {0x2593, '#'},
        {0x2595, '|'},
        {0x25a0, '#'},
        {0x25b2, '!'},
        {0x25b4, '^'},
        {0x25b6, '>'},
        {0x25b8, '>'},
        {0x25ba, '>'},
        {0x25bc, 'v'},
        {0x25be, 'v'},
        {0x25c0, '<'},
        {0x25c6, '*'},
        {0x25cb, 'o'},
        {0x25cf, '*'},
        {0x25d0, 'o'},
        {0x2713, 'v'},
        {0x2714, 'v'},
        {0x2716, 'x'},
        {0x2717, 'x'},
        {0x276f, '>'},
};

static char find(uint32_t c)
{
	size_t low = 0;
	size_t high = sizeof(forms) / sizeof(forms[0]);
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (forms[mid].symbol == c)
			return forms[mid].ascii;
		if (forms[mid].symbol < c)
			low = mid + 1;
		else
			high = mid;
	}
	return 0;
}

char surface_ascii_char(uint32_t c)
{
	if (c >= ' ' && c <= '~')
		return (char)c;
	char form = find(c);
	return form != 0 ? form : '?';
}

char surface_ascii_form(const char *text, size_t n, size_t *used)
{
	const unsigned char *b = (const unsigned char *)text;
	uint32_t c = 0;
	size_t length = 0;
	if (n >= 2 && (b[0] & 0xe0) == 0xc0 && (b[1] & 0xc0) == 0x80) {
		c = ((uint32_t)(b[0] & 0x1f) << 6) | (b[1] & 0x3f);
		length = 2;
	} else if (n >= 3 && (b[0] & 0xf0) == 0xe0 && (b[1] & 0xc0) == 0x80 && (b[2] & 0xc0) == 0x80) {
		c = ((uint32_t)(b[0] & 0x0f) << 12) | ((uint32_t)(b[1] & 0x3f) << 6) | (b[2] & 0x3f);
		length = 3;
	} else {
		return 0;
	}
	*used = length;
	return find(c);
}

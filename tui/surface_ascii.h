/* What our own symbols become where only ASCII can be shown: --ascii, or a locale without UTF-8. Everything
 * of ours that is drawn is in this table; what a server says and is not ASCII becomes '?'. */
#ifndef DBATOP_TUI_SURFACE_ASCII_H
#define DBATOP_TUI_SURFACE_ASCII_H

#include <stddef.h>
#include <stdint.h>

/* The ASCII form of one character, '?' when it has none. */
char surface_ascii_char(uint32_t c);
/* The ASCII form of the symbol that text begins with, 0 when it is none of ours; used: its bytes. Works in
 * any locale: the decoding is our own. */
char surface_ascii_form(const char *text, size_t n, size_t *used);

#endif

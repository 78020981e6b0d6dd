/* Any bytes are a theme or one sentence; every style of it has a look at every depth. */
#include <stdint.h>
#include <stdlib.h>

#include "tui/theme.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct theme theme;
	struct err e = {.code = ERR_NONE};
	bool ok = theme_parse("fuzz.yaml", (const char *)data, size, &theme, &e);
	if (ok == (e.code != ERR_NONE))
		abort();
	for (int s = 0; s < STYLE_COUNT; s++) {
		for (int depth = DEPTH_NONE; depth <= DEPTH_TRUE; depth++) {
			struct look l = theme_look(&theme, (enum style)s, s % 2 == 0, (enum depth)depth);
			if (l.fg256 > 255 || l.bg256 > 255 || l.fg16 > 15 || l.bg16 > 15)
				abort();
		}
	}
	return 0;
}

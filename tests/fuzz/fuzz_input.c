/* Whatever a terminal sends, and however it is cut, the parser comes to an end and says only keys that exist.
 */
#include <stdint.h>
#include <stdlib.h>

#include "tui/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take(struct input *in, mono_ns now)
{
	struct input_event ev;
	for (size_t i = 0; input_next(in, now, &ev); i++) {
		if (i > INPUT_BUFFER || ev.key <= 0 || ev.key > KEYCODE_PASTE_END)
			abort();
	}
}

/* The first byte says how large the pieces are. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct input in;
	mono_ns now = NS_PER_S;
	in = (struct input){.n = 0};
	if (size == 0)
		return 0;
	size_t piece = 1 + data[0] % 64;
	for (size_t at = 1; at < size; at += piece) {
		size_t n = size - at < piece ? size - at : piece;
		now += (data[at] % 50) * NS_PER_MS;
		if (input_feed(&in, data + at, n, now) < n)
			abort();
		take(&in, now);
	}
	now += NS_PER_S;
	take(&in, now);
	if (in.n != 0 && !in.flush)
		abort();
	return 0;
}

/* Any bytes as a probe's file: parsed or refused with a place, and what was parsed can be sent both ways. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/model/probe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void send(const struct probe *p)
{
	struct probe_value values[PROBE_PARAMS_MAX];
	struct err e = {.code = ERR_NONE};
	struct buf b;
	buf_init(&b, 1 << 20);
	probe_sql_numbered(p, &b);
	assert(b.len > 0);
	buf_reset(&b);
	for (size_t i = 0; i < p->nparams; i++)
		values[i] = (struct probe_value){.type = p->params[i].type, .i = 42, .s = "it's"};
	assert(probe_sql_inlined(p, values, p->nparams, &b, &e) || e.code == ERR_USAGE);
	buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	struct embedded_file file = {.name = "fuzz.sql", .data = text, .size = size};
	struct err e = {.code = ERR_NONE};
	struct probe_set *set = probe_set_new(&e);
	if (!probe_set_add(set, &file, &e)) {
		assert(e.code == ERR_USAGE && strncmp(e.text, "fuzz.sql:", 9) == 0);
		assert(probe_set_count(set) == 0);
	} else if (probe_set_finish(set, &e)) {
		send(probe_set_at(set, 0));
	}
	probe_set_free(set);
	free(text);
	return 0;
}

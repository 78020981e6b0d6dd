/* Any bytes as a config file: a config or one sentence, never a crash, a leak or a password in the sentence.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/arena.h"
#include "core/model/config.h"
#include "core/model/config_decode.h"
#include "core/model/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Nothing of the machine may change what an input does. */
static char *no_environment(const char *name)
{
	(void)name;
	return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct config *cfg = calloc(1, sizeof *cfg);
	struct config_draft draft = {.cfg = cfg, .home = "/nonexistent", .getenv_fn = no_environment};
	struct err e = {0};
	const char *text = config_default_text();

	if (!config_decode(&draft, "default.yaml", text, strlen(text), &e))
		abort();
	if (!config_decode(&draft, "fuzz.yaml", (const char *)data, n, &e)) {
		if (e.code != ERR_USAGE || strncmp(e.text, "fuzz.yaml:", 10))
			abort();
	}
	config_draft_free(&draft);
	config_free(cfg);
	return 0;
}

/* Any bytes as a URL: parsed or refused, nothing left allocated, and what is shown never has the password. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/model/endpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *url = malloc(size + 1);
	if (url == NULL)
		return 0;
	memcpy(url, data, size);
	url[size] = '\0';
	struct endpoint ep;
	struct err e = {.code = ERR_NONE};
	if (!endpoint_parse(url, &ep, &e)) {
		assert(e.code == ERR_USAGE && ep.shown == NULL && ep.password == NULL);
	} else {
		assert(ep.shown != NULL && ep.engine != ENGINE_NONE);
		assert(ep.host == NULL || strchr(ep.host, ',') == NULL);
		assert(ep.host == NULL || ep.socket == NULL);
		endpoint_free(&ep);
	}
	free(url);
	return 0;
}

/* Changes the connection's id on its way from the server, as a pooler in between would: in MySQL's greeting
 * and in PostgreSQL's BackendKeyData. Works byte by byte, because a greeting may arrive in any number of
 * pieces. */
#include "tests/lab/chaosproxy.h"

enum {
	SSL_REQUEST = 80877103,
	GSSENC_REQUEST = 80877104,
	MYSQL_ERR = 0xff,
};

static uint32_t big_endian(const unsigned char *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static unsigned char mask_byte(uint32_t mask, int shift)
{
	return (unsigned char)(mask >> shift & 0xff);
}

/* Greeting: 3 bytes length, 1 sequence, 1 protocol, version string with NUL, 4 bytes id (little endian). */
static void mysql_byte(struct rewrite *rewrite, unsigned char *byte)
{
	uint64_t at = rewrite->at++;
	if (at < 4)
		return;
	if (at == 4) {
		rewrite->done = *byte == MYSQL_ERR;
		return;
	}
	if (!rewrite->version_ended) {
		rewrite->version_ended = *byte == 0;
		return;
	}
	*byte ^= mask_byte(rewrite->mask, 8 * rewrite->id_bytes);
	rewrite->done = ++rewrite->id_bytes == 4;
}

/* The client's packets before the startup message: length, code. A request for encryption gets one byte back.
 */
static void postgres_client_byte(struct rewrite *rewrite, unsigned char byte)
{
	if (rewrite->client_started)
		return;
	rewrite->up[rewrite->up_size++] = byte;
	if (rewrite->up_size < sizeof(rewrite->up))
		return;
	rewrite->up_size = 0;
	uint32_t code = big_endian(rewrite->up + 4);
	if (code == SSL_REQUEST || code == GSSENC_REQUEST)
		rewrite->single_answers++;
	else
		rewrite->client_started = true;
}

/* Messages: 1 byte type, 4 bytes length that counts itself. 'K' begins with the pid (big endian). */
static void postgres_server_byte(struct rewrite *rewrite, unsigned char *byte)
{
	if (rewrite->single_answers > 0) {
		rewrite->single_answers--;
		rewrite->done = *byte != 'N';
		return;
	}
	if (rewrite->body_left > 0) {
		if (rewrite->down[0] == 'K') {
			*byte ^= mask_byte(rewrite->mask, 24 - 8 * rewrite->id_bytes);
			rewrite->done = ++rewrite->id_bytes == 4;
		}
		rewrite->body_left--;
		return;
	}
	rewrite->down[rewrite->down_size++] = *byte;
	if (rewrite->down_size < sizeof(rewrite->down))
		return;
	rewrite->down_size = 0;
	uint32_t length = big_endian(rewrite->down + 1);
	rewrite->body_left = length < 4 ? 0 : length - 4;
}

void rewrite_bytes(struct rewrite *rewrite, int direction, unsigned char *bytes, size_t size)
{
	for (size_t i = 0; i < size && rewrite->kind != REWRITE_NONE && !rewrite->done; i++) {
		if (rewrite->kind == REWRITE_POSTGRES && direction == UP)
			postgres_client_byte(rewrite, bytes[i]);
		else if (rewrite->kind == REWRITE_POSTGRES)
			postgres_server_byte(rewrite, &bytes[i]);
		else if (direction == DOWN)
			mysql_byte(rewrite, &bytes[i]);
	}
}

/* A certificate is verified once, but what it was verified against would stay for as long as the connection:
 * 200 servers and a public bundle were 400 copies of it. */
#include "backends/tls/tls.h"

#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

void tls_settle(void *ssl)
{
	/* First of all no more handshakes, so that emptying the store can refuse nobody and trust nobody. */
	SSL_set_options(ssl, SSL_OP_NO_RENEGOTIATION);
	X509_STORE *empty = X509_STORE_new();
	if (empty != NULL)
		SSL_CTX_set_cert_store(SSL_get_SSL_CTX(ssl), empty);
	SSL_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
}

void tls_thread_settle(void)
{
	OPENSSL_thread_stop();
}

/* A connection is as good after tls_settle as before, has let go of what it was verified against, and is
 * never verified again: client and server in one process, over a pair of BIOs. */
#include "tests/support/test.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <string.h>

#include "backends/tls/tls.h"

enum { TURNS = 20, DAY_S = 86400 };

/* A client that trusts the server's certificate and nothing else. */
struct ends {
	SSL_CTX *client_ctx, *server_ctx;
	SSL *client, *server;
};

static X509 *self_signed(EVP_PKEY *key)
{
	X509 *cert = X509_new();
	X509_NAME *name = X509_get_subject_name(cert);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), -DAY_S);
	X509_gmtime_adj(X509_getm_notAfter(cert), DAY_S);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"db.example", -1, -1, 0);
	X509_set_issuer_name(cert, name);
	X509_set_pubkey(cert, key);
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	return cert;
}

/* Both go on until neither has anything left to do; whether the client's handshake is done. */
static bool shake(const struct ends *t)
{
	for (int i = 0; i < TURNS; i++) {
		SSL_do_handshake(t->client);
		SSL_do_handshake(t->server);
	}
	return SSL_is_init_finished(t->client) && SSL_is_init_finished(t->server);
}

static struct ends connect_ends(int version)
{
	struct ends t = {.client_ctx = SSL_CTX_new(TLS_client_method()),
	        .server_ctx = SSL_CTX_new(TLS_server_method())};
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = self_signed(key);
	BIO *ours, *theirs;
	SSL_CTX_use_certificate(t.server_ctx, cert);
	SSL_CTX_use_PrivateKey(t.server_ctx, key);
	X509_STORE_add_cert(SSL_CTX_get_cert_store(t.client_ctx), cert);
	SSL_CTX_set_verify(t.client_ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_min_proto_version(t.client_ctx, version);
	SSL_CTX_set_max_proto_version(t.client_ctx, version);
	t.client = SSL_new(t.client_ctx);
	t.server = SSL_new(t.server_ctx);
	assert_int_equal(BIO_new_bio_pair(&ours, 0, &theirs, 0), 1);
	SSL_set_bio(t.client, ours, ours);
	SSL_set_bio(t.server, theirs, theirs);
	SSL_set_connect_state(t.client);
	SSL_set_accept_state(t.server);
	assert_true(shake(&t));
	assert_int_equal(SSL_get_verify_result(t.client), X509_V_OK);
	X509_free(cert);
	EVP_PKEY_free(key);
	return t;
}

static void close_ends(struct ends *t)
{
	SSL_free(t->client);
	SSL_free(t->server);
	SSL_CTX_free(t->client_ctx);
	SSL_CTX_free(t->server_ctx);
	ERR_clear_error();
}

static bool arrives(SSL *from, SSL *to, const char *text)
{
	char got[64] = "";
	return SSL_write(from, text, (int)strlen(text)) == (int)strlen(text) &&
	       SSL_read(to, got, sizeof(got) - 1) > 0 && strcmp(got, text) == 0;
}

static int trusted(const struct ends *t)
{
	return sk_X509_OBJECT_num(X509_STORE_get0_objects(SSL_CTX_get_cert_store(t->client_ctx)));
}

static void the_connection_goes_on(int version)
{
	struct ends t = connect_ends(version);
	assert_int_equal(trusted(&t), 1);
	assert_true(arrives(t.client, t.server, "before"));
	tls_settle(t.client);
	tls_thread_settle();
	assert_int_equal(trusted(&t), 0);
	assert_true((SSL_get_mode(t.client) & SSL_MODE_RELEASE_BUFFERS) != 0);
	assert_true(arrives(t.client, t.server, "SELECT 1"));
	assert_true(arrives(t.server, t.client, "one row"));
	if (version == TLS1_3_VERSION) {
		/* New keys are no new handshake: a server may ask for them at any time. */
		assert_int_equal(SSL_key_update(t.server, SSL_KEY_UPDATE_REQUESTED), 1);
		assert_true(arrives(t.server, t.client, "with new keys"));
		assert_true(arrives(t.client, t.server, "and back"));
	}
	assert_int_equal(SSL_get_verify_result(t.client), X509_V_OK);
	close_ends(&t);
}

static void test_the_connection_goes_on_without_its_trust_store(void **state)
{
	(void)state;
	the_connection_goes_on(TLS1_2_VERSION);
	the_connection_goes_on(TLS1_3_VERSION);
}

/* The server asks for a second handshake; how many the client has then completed. */
static long second_handshake(bool settled)
{
	struct ends t = connect_ends(TLS1_2_VERSION);
	char got[8];
	if (settled)
		tls_settle(t.client);
	long before = SSL_CTX_sess_connect_good(t.client_ctx);
	assert_int_equal(SSL_renegotiate(t.server), 1);
	for (int i = 0; i < TURNS; i++) {
		SSL_do_handshake(t.server);
		int n = SSL_read(t.client, got, sizeof(got));
		/* It only ever waits for more: being asked is no error of the connection. */
		if (i == 0)
			assert_int_equal(SSL_get_error(t.client, n), SSL_ERROR_WANT_READ);
		SSL_read(t.server, got, sizeof(got));
	}
	long after = SSL_CTX_sess_connect_good(t.client_ctx);
	close_ends(&t);
	return after - before;
}

static void test_another_handshake_is_refused(void **state)
{
	(void)state;
	assert_int_equal(second_handshake(false), 1);
	assert_int_equal(second_handshake(true), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_the_connection_goes_on_without_its_trust_store),
	        cmocka_unit_test(test_another_handshake_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What OpenSSL keeps for a connection that is up: with 400 of them most of the program's memory, so it is
 * made as small as a client of databases needs it. Both client libraries have an SSL_CTX of its own for each
 * connection; neither gives a way to share one. */
#ifndef DBATOP_BACKENDS_TLS_TLS_H
#define DBATOP_BACKENDS_TLS_TLS_H

/* Once after the handshake and the verification, on the thread of the connection. ssl is its SSL *, whose
 * SSL_CTX serves no other. Gives back the trust store (a megabyte with a public bundle) and lets the record
 * buffers go between records. A server that asks for another handshake is told no: nothing is ever verified
 * against the empty store. */
void tls_settle(void *ssl);
/* Frees what OpenSSL made for the calling thread to log in with, whether by TLS or by SCRAM: random
 * generators, an error queue. It makes them anew when they are needed. */
void tls_thread_settle(void);

#endif

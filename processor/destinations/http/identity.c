#include "destinations/http/identity.h"

#define ERR_STATE openssl_ERR_STATE /* ours is an enum of base/err.h */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#undef ERR_STATE
#include <stdio.h>
#include <unistd.h>

/* libcrypto would ask on the terminal. */
static int no_password(char *out, int bytes, int is_writing, void *context)
{
    (void)out;
    (void)bytes;
    (void)is_writing;
    *(bool *)context = true;
    return -1;
}

static struct place place_of(const struct config_destination *destination, const char *key)
{
    const struct yaml_node *tls = yaml_get(destination->node, "tls");
    const struct yaml_node *node = tls == NULL ? NULL : yaml_get(tls, key);

    return node == NULL ? destination->place : node->place;
}

static X509 *read_certificate(const struct config_destination *destination, struct diags *diags)
{
    const struct http_options *options = http_options_of(destination);
    FILE *file = fopen(options->tls.certificate.ptr, "re");
    X509 *certificate = file == NULL ? NULL : PEM_read_X509(file, NULL, NULL, NULL);

    if (certificate == NULL) {
        diag_error(diags, place_of(destination, "certificate"), "%s holds no certificate in PEM",
                   options->tls.certificate.ptr);
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return certificate;
}

static EVP_PKEY *read_key(const struct config_destination *destination, struct diags *diags)
{
    const struct http_options *options = http_options_of(destination);
    FILE *file = fopen(options->tls.key.ptr, "re");
    bool is_encrypted = false;
    EVP_PKEY *key =
        file == NULL ? NULL : PEM_read_PrivateKey(file, NULL, no_password, &is_encrypted);

    if (key == NULL) {
        diag_error(diags, place_of(destination, "key"), "%s %s", options->tls.key.ptr,
                   is_encrypted ? "is encrypted: nobody is there to type its password"
                                : "holds no private key in PEM");
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return key;
}

void identity_check(const struct config_destination *destination, struct diags *diags)
{
    const struct http_options *options = http_options_of(destination);
    X509 *certificate;
    EVP_PKEY *key;

    if (options->tls.certificate.ptr == NULL || options->tls.key.ptr == NULL ||
        access(options->tls.certificate.ptr, R_OK) != 0 ||
        access(options->tls.key.ptr, R_OK) != 0) {
        return; /* where they have to be there, that was said when they were read */
    }
    certificate = read_certificate(destination, diags);
    key = read_key(destination, diags);
    if (certificate != NULL && key != NULL && X509_check_private_key(certificate, key) != 1) {
        diag_error(diags, place_of(destination, "key"),
                   "the private key is not the one of the certificate");
    }
    if (certificate != NULL && X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0) {
        diag_warning(diags, place_of(destination, "certificate"), "the certificate has run out");
    }
    X509_free(certificate);
    EVP_PKEY_free(key);
    ERR_clear_error(); /* what was said above is not to be found by the next TLS connection */
}

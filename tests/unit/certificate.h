/** certificate - a key and a certificate for 127.0.0.1 that only itself vouches for, for an hour.
 */
#ifndef UNIT_CERTIFICATE_H
#define UNIT_CERTIFICATE_H

#define ERR_STATE openssl_ERR_STATE /* ours is an enum of base/err.h */
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#undef ERR_STATE

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Takes @bio; the caller frees the text. */
static inline char *certificate_text(BIO *bio)
{
    char *bytes = NULL;
    long len = BIO_get_mem_data(bio, &bytes);
    char *text = calloc((size_t)len + 1, 1); /* BIO's memory is not terminated */

    if (text != NULL) {
        memcpy(text, bytes, (size_t)len);
    }
    BIO_free(bio);
    return text;
}

/** Both as PEM; the caller frees them. */
static inline bool certificate_make(char **key_pem, char **certificate_pem)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    X509_EXTENSION *name = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "IP:127.0.0.1");
    BIO *key_out = BIO_new(BIO_s_mem());
    BIO *certificate_out = BIO_new(BIO_s_mem());
    X509_NAME *subject = X509_get_subject_name(certificate);
    bool is_made;

    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1,
                               0);
    X509_set_issuer_name(certificate, subject);
    X509_add_ext(certificate, name, -1);
    X509_set_pubkey(certificate, key);
    is_made = X509_sign(certificate, key, EVP_sha256()) > 0 &&
              PEM_write_bio_PrivateKey(key_out, key, NULL, NULL, 0, NULL, NULL) == 1 &&
              PEM_write_bio_X509(certificate_out, certificate) == 1;
    *key_pem = certificate_text(key_out);
    *certificate_pem = certificate_text(certificate_out);
    X509_EXTENSION_free(name);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return is_made;
}

#endif /* UNIT_CERTIFICATE_H */

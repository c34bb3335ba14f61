#include "destinations/tiktok/names.h"

/* The older names at the end are taken by TikTok under the new ones, or until 2027. */
static const char *const of_all[] = {
    "AddPaymentInfo",
    "AddToCart",
    "AddToWishlist",
    "ApplicationApproval",
    "CompleteRegistration",
    "Contact",
    "CustomizeProduct",
    "Download",
    "FindLocation",
    "InitiateCheckout",
    "Lead",
    "Purchase",
    "Schedule",
    "Search",
    "StartTrial",
    "SubmitApplication",
    "Subscribe",
    "ViewContent",
    "CompletePayment",
    "SubmitForm",
    "ClickButton",
    "PlaceAnOrder",
};

static const char *const of_apps[] = {
    "AchieveLevel",      "AddPaymentInfo", "AddToCart",       "AddToWishlist", "Checkout",
    "CompleteTutorial",  "CreateGroup",    "CreateRole",      "GenerateLead",  "InAppADClick",
    "InAppADImpr",       "InstallApp",     "JoinGroup",       "LaunchAPP",     "LoanApplication",
    "LoanApproval",      "LoanDisbursal",  "Login",           "Purchase",      "Rate",
    "Registration",      "Search",         "SpendCredits",    "StartTrial",    "Subscribe",
    "UnlockAchievement", "ViewContent",    "CompletePayment",
};

static bool is_among(struct span name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (span_is(name, names[i])) {
            return true;
        }
    }
    return false;
}

bool tiktok_name_is_known(struct span name)
{
    return is_among(name, of_all, COUNT_OF(of_all)) || is_among(name, of_apps, COUNT_OF(of_apps));
}

const char *tiktok_name_suggest(struct span name)
{
    const char *near = suggest(name, of_all, COUNT_OF(of_all));

    return near != NULL ? near : suggest(name, of_apps, COUNT_OF(of_apps));
}

void tiktok_name_check(struct span name, enum event_source source, struct place place,
                       struct diags *diags)
{
    const char *const *names = source == SOURCE_APP ? of_apps : of_all;
    size_t count = source == SOURCE_APP ? COUNT_OF(of_apps) : COUNT_OF(of_all);
    const char *near;

    if (is_among(name, names, count)) {
        return;
    }
    near = suggest(name, names, count);
    if (source == SOURCE_OFFLINE) {
        diag_warning(diags, place,
                     "'" SPAN_FMT "' is no standard event of TikTok's, and event_source offline "
                     "takes no other%s",
                     SPAN_ARG(name), did_you_mean(near).text);
    } else if (near != NULL) {
        diag_warning(diags, place,
                     "'" SPAN_FMT
                     "' is no standard event of TikTok's and is sent as a custom one%s",
                     SPAN_ARG(name), did_you_mean(near).text);
    }
}

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

static const char *find(struct span name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (span_is(name, names[i])) {
            return names[i];
        }
    }
    return NULL;
}

const char *tiktok_name_near(struct span name)
{
    const char *near = find(name, of_all, COUNT_OF(of_all));

    near = near != NULL ? near : find(name, of_apps, COUNT_OF(of_apps));
    near = near != NULL ? near : suggest(name, of_all, COUNT_OF(of_all));
    return near != NULL ? near : suggest(name, of_apps, COUNT_OF(of_apps));
}

void tiktok_name_check(struct span name, enum event_source source, struct place place,
                       struct diags *diags)
{
    const char *const *names = source == SOURCE_APP ? of_apps : of_all;
    size_t count = source == SOURCE_APP ? COUNT_OF(of_apps) : COUNT_OF(of_all);
    const char *near;

    if (find(name, names, count) != NULL) {
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

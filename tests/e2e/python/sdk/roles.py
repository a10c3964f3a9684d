"""Who may do what: each call of the SDK with the lowest role that may do it, tried by everybody.

All callers have tokens of the greatest scope, and their roles by permission. A caller with too low a role is refused with 403 (Forbidden);
one without any is not told that the feed exists, 404, and one without a token that it needs one, 401.
"""

from azure.devops.exceptions import AzureDevOpsServiceError
from azure.devops.v7_1.feed.models import (
    Feed,
    FeedPermission,
    FeedRetentionPolicy,
    FeedUpdate,
    FeedView,
    GlobalPermission,
    PackageMetricsQuery,
    PackageVersionMetricsQuery,
)
from azure.devops.v7_1.location.location_client import LocationClient
from azure.devops.v7_1.provenance.models import SessionRequest
from azure.devops.v7_1.search.models import PackageSearchRequest
from calls import ViewData, protocols
from steps import ABOUT, RESTORE, URL, clients, connection, drain, only, run, step

FEED = "roles"
CALLERS = ["anonymous", "outsider", "reader", "collaborator", "contributor", "owner", "admin"]
CLIENTS = ["feed", "npm", "nuget", "maven", "py_pi_api", "provenance"]

_tried = set()
_count = 0


class Caller:
    """One who calls: `feed` and so on are clients; `of(label)` has the calls of a protocol under one name each."""

    def __init__(self, role):
        self.role = role
        known = role if role in ("anonymous", "admin") else f"{role}-by-permission"
        of = clients(known)
        for name in CLIENTS:
            setattr(self, name, Noted(name, getattr(of, f"get_{name}_client")()))
        self.search = of.get_search_client()
        self.location = LocationClient(URL, connection(known)._creds)
        self.protocols = {one.label: one for one in protocols(known)}
        for one in self.protocols.values():
            one.client, one.feed = Noted(one.client.__class__.__name__, one.client), FEED

    def of(self, label):
        return self.protocols[label]


class Noted:
    """A client whose calls are noted."""

    def __init__(self, name, client):
        self._name, self._client = name, client

    def __getattr__(self, function):
        _tried.add((self._client.__class__, function))
        return getattr(self._client, function)


def permit(feed):
    """Gives everybody the role that is the name."""
    roles = {"reader": "reader", "collaborator": "collaborator", "contributor": "contributor", "owner": "administrator"}
    given = [FeedPermission(identity_descriptor=f"{name}-by-permission", role=role) for name, role in roles.items()]
    admin.feed.set_feed_permissions(given, feed)


def fresh():
    """A feed of its own for one attempt."""
    global _count
    _count += 1
    made = admin.feed.create_feed(Feed(name=f"fresh-{_count}"))
    permit(made.id)
    return made.id


def thrown():
    """The same, in the recycle bin."""
    made = fresh()
    admin.feed.delete_feed(made)
    return made


def viewed():
    """A view of its own for one attempt."""
    global _count
    _count += 1
    return admin.feed.create_feed_view(FeedView(name=f"view-{_count}", type="release", visibility="private"), FEED).id


def said(error):
    """The kind of a refusal, whether the server said it or the SDK for it."""
    if isinstance(error, AzureDevOpsServiceError):
        return error.type_key
    return f"{type(error).__name__}: {error}"


def declare(name, least, call, prepare=lambda caller: None, unknown="NotFound"):
    """A step that has everybody do something, which `least` and those above may. Where an organization is asked and not a feed,
    those without a role are as `unknown` says."""

    @step(f"roles: {name}: {least}")
    def _():
        wrong = []
        for caller in callers:
            lower = CALLERS.index(caller.role) < CALLERS.index(least)
            expected = {"anonymous": "Unauthorized", "outsider": unknown}.get(caller.role, "Forbidden") if lower else "done"
            prepared = prepare(caller)
            try:
                answer = call(caller, prepared)
                if hasattr(answer, "__next__"):
                    drain(answer)
                found = "done"
            except Exception as error:
                found = said(error)
            if found != expected:
                wrong.append(f"{caller.role}: {found}, not {expected}")
        assert not wrong, "; ".join(wrong)


def whoever(name, call):
    """What needs no role."""
    declare(name, "anonymous", call)


callers = [Caller(role) for role in CALLERS]
admin = callers[-1]
permit(FEED)
admin.feed.update_feed(FeedUpdate(badges_enabled=True), FEED)
PACKAGE = only(admin.feed.get_packages(FEED), name="each-tool").id
VERSION = only(admin.feed.get_package_versions(FEED, PACKAGE), version="1.0.0").id
admin.of("npm").delete("1.3.0")
GIVE = [FeedPermission(identity_descriptor="somebody", role="reader")]
SEARCH = PackageSearchRequest(search_text="each", top=1, skip=0)

whoever("get_resource_areas", lambda who, _: who.location.get_resource_areas())
whoever("get_connection_data", lambda who, _: who.location.get_connection_data())
whoever("fetch_package_search_results", lambda who, _: who.search.fetch_package_search_results(SEARCH))
whoever("get_badge", lambda who, _: who.feed.get_badge(FEED, PACKAGE))

declare("get_feeds", "outsider", lambda who, _: who.feed.get_feeds())
declare("get_feeds_from_recycle_bin", "outsider", lambda who, _: who.feed.get_feeds_from_recycle_bin())
declare("get_feed_changes", "outsider", lambda who, _: who.feed.get_feed_changes())
declare("get_global_permissions", "outsider", lambda who, _: who.feed.get_global_permissions())
MAKER = [GlobalPermission(identity_descriptor="maker", role="feedCreator")]
declare("set_global_permissions", "admin", lambda who, _: who.feed.set_global_permissions(MAKER), unknown="Forbidden")
declare("create_feed", "admin", lambda who, _: who.feed.create_feed(Feed(name=f"of-{who.role}")), unknown="Forbidden")

declare("get_feed", "reader", lambda who, _: who.feed.get_feed(FEED))
declare("update_feed", "owner", lambda who, _: who.feed.update_feed(FeedUpdate(description=who.role), FEED))
declare("delete_feed", "owner", lambda who, feed: who.feed.delete_feed(feed), lambda _: fresh())
declare("restore_deleted_feed", "owner", lambda who, feed: who.feed.restore_deleted_feed(RESTORE, feed), lambda _: thrown())
declare("permanent_delete_feed", "owner", lambda who, feed: who.feed.permanent_delete_feed(feed), lambda _: thrown())
declare("get_feed_change", "reader", lambda who, _: who.feed.get_feed_change(FEED))
declare("get_package_changes", "reader", lambda who, _: who.feed.get_package_changes(FEED))
declare("get_feed_permissions", "reader", lambda who, _: who.feed.get_feed_permissions(FEED))
declare("set_feed_permissions", "owner", lambda who, _: who.feed.set_feed_permissions(GIVE, FEED))
KEEP = FeedRetentionPolicy(count_limit=100, days_to_keep_recently_downloaded_packages=10)
declare("get_feed_retention_policies", "reader", lambda who, _: who.feed.get_feed_retention_policies(FEED))
declare("set_feed_retention_policies", "owner", lambda who, _: who.feed.set_feed_retention_policies(KEEP, FEED))
declare("delete_feed_retention_policies", "owner", lambda who, _: who.feed.delete_feed_retention_policies(FEED))

declare("get_feed_views", "reader", lambda who, _: who.feed.get_feed_views(FEED))
declare("get_feed_view", "reader", lambda who, _: who.feed.get_feed_view(FEED, "Release"))
declare("create_feed_view", "owner", lambda who, _: who.feed.create_feed_view(FeedView(name=f"of-{who.role}", type="release"), FEED))
CHANGED = FeedView(visibility="collection")
declare("update_feed_view", "owner", lambda who, view: who.feed.update_feed_view(CHANGED, FEED, view), lambda _: viewed())
declare("delete_feed_view", "owner", lambda who, view: who.feed.delete_feed_view(FEED, view), lambda _: viewed())

declare("get_packages", "reader", lambda who, _: who.feed.get_packages(FEED))
declare("get_package", "reader", lambda who, _: who.feed.get_package(FEED, PACKAGE))
declare("get_package_versions", "reader", lambda who, _: who.feed.get_package_versions(FEED, PACKAGE))
declare("get_package_version", "reader", lambda who, _: who.feed.get_package_version(FEED, PACKAGE, VERSION))
declare("get_package_version_provenance", "reader", lambda who, _: who.feed.get_package_version_provenance(FEED, PACKAGE, VERSION))
METRICS, VERSION_METRICS = PackageMetricsQuery(package_ids=[PACKAGE]), PackageVersionMetricsQuery(package_version_ids=[VERSION])
declare("query_package_metrics", "reader", lambda who, _: who.feed.query_package_metrics(METRICS, FEED))
declare("query_package_version_metrics", "reader", lambda who, _: who.feed.query_package_version_metrics(VERSION_METRICS, FEED, PACKAGE))
BINNED = only(admin.feed.get_recycle_bin_package_versions(FEED, PACKAGE), version="1.3.0").id
declare("get_recycle_bin_packages", "reader", lambda who, _: who.feed.get_recycle_bin_packages(FEED))
declare("get_recycle_bin_package", "reader", lambda who, _: who.feed.get_recycle_bin_package(FEED, PACKAGE))
declare("get_recycle_bin_package_versions", "reader", lambda who, _: who.feed.get_recycle_bin_package_versions(FEED, PACKAGE))
declare("get_recycle_bin_package_version", "reader", lambda who, _: who.feed.get_recycle_bin_package_version(FEED, PACKAGE, BINNED))
SESSION = SessionRequest(feed=FEED, source="InternalBuild", data={"build": "7"})
declare("create_session", "contributor", lambda who, _: who.provenance.create_session(SESSION, "npm"))


def live(label, version):
    """Sees to it that a version is in the feed."""
    return brought(version, admin.of(label).restore, admin.of(label).get)


def binned(label, version):
    """Sees to it that a version is in the recycle bin."""
    return brought(version, admin.of(label).delete, admin.of(label).deleted)


def brought(version, move, look):
    """Brings a version to where it may be already."""
    try:
        move(version)
    except AzureDevOpsServiceError:
        look(version)
    return version


def of_protocol(label):
    """The same for the calls of a protocol: 1.0.0 stays, 1.1.0 comes and goes, the later ones go for good."""
    of = lambda who: who.of(label)
    models = admin.of(label).models
    remove = models.JsonPatchOperation(op="remove", path="/views/Release")
    demotion = models.PackageVersionDetails(views=remove)
    file = ABOUT["digests"][label]["file"]
    here, there = lambda _: live(label, "1.1.0"), lambda _: binned(label, "1.1.0")
    last = lambda who: binned(label, "1.3.0" if who.role == "admin" else "1.2.0")
    declare(f"{label}: get_package_version", "reader", lambda who, _: of(who).get("1.0.0"))
    declare(f"{label}: update_package_version", "contributor", lambda who, _: of(who).promote("1.0.0", "Release"))
    declare(f"{label}: update_package_version, out of a view", "owner", lambda who, _: of(who).call("update_package_version", "1.0.0", body=(demotion,)))
    # One client has neither of these.
    if hasattr(models, "UpstreamingBehavior"):
        behavior = models.UpstreamingBehavior(versions_from_external_upstreams="auto")
        declare(f"{label}: get_upstreaming_behavior", "reader", lambda who, _: of(who).call("get_upstreaming_behavior"))
        declare(f"{label}: set_upstreaming_behavior", "owner", lambda who, _: of(who).call("set_upstreaming_behavior", behavior))
        declare(f"{label}: content", "reader", lambda who, _: of(who).call("content", "1.0.0", *file))
    if "readme" in admin.of(label).functions:
        declare(f"{label}: readme", "reader", lambda who, _: of(who).call("readme", "1.0.0"))
    declare(f"{label}: delete_package_version", "owner", lambda who, version: of(who).delete(version), here)
    declare(f"{label}: get_package_version_metadata_from_recycle_bin", "reader", lambda who, version: of(who).deleted(version), there)
    declare(f"{label}: restore_package_version_from_recycle_bin", "owner", lambda who, version: of(who).restore(version), there)
    declare(f"{label}: a batch promotes", "contributor", lambda who, _: of(who).batch("promote", ["1.0.0"], ViewData("Prerelease")))
    declare(f"{label}: a batch deletes", "owner", lambda who, version: of(who).batch("delete", [version]), here)
    declare(f"{label}: a batch restores", "owner", lambda who, version: of(who).batch("restoreToFeed", [version], recycle_bin=True), there)
    declare(f"{label}: delete_package_version_from_recycle_bin", "owner", lambda who, version: of(who).purge(version), last)


for one in ("npm", "npm scoped", "nuget", "pypi", "maven", "universal"):
    of_protocol(one)

OFFERED = {"collaborator": "1.1.0", "contributor": "1.2.0", "owner": "1.3.0"}
save = lambda who, _: who.npm.get_content_unscoped_package(FEED, "offered", OFFERED.get(who.role, "1.0.0"))
declare("npm: content that is to be saved", "collaborator", save)
declare("empty_recycle_bin", "owner", lambda who, _: who.feed.empty_recycle_bin(FEED))


@step("roles: every call of the clients was tried")
def _():
    missing = []
    for name in CLIENTS:
        kind = getattr(admin, name)._client.__class__
        functions = [function for function, what in vars(kind).items() if callable(what) and not function.startswith("_")]
        missing += [f"{name}.{function}" for function in functions if (kind, function) not in _tried]
    assert not missing, missing


run()

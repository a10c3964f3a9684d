"""Feeds, views, permissions, retention, and the change feed of feeds."""

import datetime

from azure.devops.v7_1.feed.models import (
    Feed,
    FeedPermission,
    FeedRetentionPolicy,
    FeedUpdate,
    FeedView,
    GlobalPermission,
    UpstreamSource,
)
from azure.devops.v7_1.location.location_client import LocationClient
from steps import ABOUT, RESTORE, URL, clients, connection, eventually, is_guid, moment, names, only, refused, run, same, step

feed = clients().get_feed_client()


@step("discovery: authenticate takes a token and refuses another")
def _():
    connection().authenticate()
    refused("Unauthorized", "", connection("stranger").authenticate)


@step("discovery: an area by its id is on this host")
def _():
    area = LocationClient(URL, connection()._creds).get_resource_area("7ab4e64e-c4d8-4f50-ae73-5ef2e21642a5")
    same((area.name, area.location_url), ("Packaging", f"{URL}/"))


@step("discovery: get_connection_data tells a caller who it is")
def _():
    client = lambda role: LocationClient(URL, connection(role)._creds)
    admin, nobody = client("admin").get_connection_data(), client("anonymous").get_connection_data()
    is_guid(admin.instance_id)
    is_guid(admin.authenticated_user.id)
    same((admin.authorized_user.descriptor, admin.instance_id), ("subject:admin", nobody.instance_id))
    same(admin.location_service_data.access_mappings[0].access_point, f"{URL}/")
    same(nobody.authenticated_user.id, "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa")
    refused("Unauthorized", "", client("stranger").get_connection_data)


@step("discovery: what is not served is missed here, and asked of no other host")
def _():
    try:
        clients().get_git_client().get_repositories()
    except ValueError as error:
        assert f"is not registered on {URL}" in str(error), error
        return
    raise AssertionError("not missed")


@step("discovery: clients of three generations speak to one server")
def _():
    for generation in (connection().clients, connection().clients_v7_0, connection().clients_v7_1):
        assert "house" in names(generation.get_feed_client().get_feeds())


@step("discovery: a project may stand in the base URL")
def _():
    below = clients(url=f"{URL}/workshop").get_feed_client()
    below.create_feed(Feed(name="by-base-url"))
    same(feed.get_feed("by-base-url", project="workshop").project.name, "workshop")


@step("feeds: create_feed answers the feed with its defaults")
def _():
    made = feed.create_feed(Feed(name="Made", description="by the SDK"))
    is_guid(made.id)
    same((made.name, made.fully_qualified_name, made.fully_qualified_id), ("Made", "Made", made.id))
    same((made.description, made.is_read_only, made.upstream_enabled), ("by the SDK", False, True))
    same(made.capabilities, "defaultCapabilities")
    is_guid(made.default_view_id)
    assert made.url.endswith(f"/_apis/packaging/feeds/{made.id}") or made.url.endswith(f"/_apis/packaging/Feeds/{made.id}"), made.url


@step("feeds: create_feed takes upstream sources in order")
def _():
    sources = [
        UpstreamSource(name="one", protocol="npm", location=ABOUT["upstream"], upstream_source_type="public"),
        UpstreamSource(name="two", protocol="npm", location="azure-feed://local/house@Local", upstream_source_type="internal"),
    ]
    made = feed.create_feed(Feed(name="with-sources", upstream_enabled=True, upstream_sources=sources))
    same(names(made.upstream_sources), ["one", "two"])
    one, two = made.upstream_sources
    is_guid(one.id)
    same((one.protocol, one.location, one.upstream_source_type, one.status), ("npm", ABOUT["upstream"], "public", "ok"))
    same((two.upstream_source_type, two.internal_upstream_feed_id), ("internal", feed.get_feed("house").id))


@step("feeds: a name that is taken, and one that is none, are refused")
def _():
    refused("Conflict", "made", feed.create_feed, Feed(name="made"))
    refused("BadRequest", "`name` of the feed", feed.create_feed, Feed(name="a b"))


@step("feeds: get_feed finds a feed by name in any case and by id")
def _():
    made = feed.get_feed("Made")
    same(feed.get_feed("mADE").id, made.id)
    same(feed.get_feed(made.id).name, "Made")
    refused("NotFound", "nowhere", feed.get_feed, "nowhere")


@step("feeds: get_feed through a view is read-only")
def _():
    made, seen = feed.get_feed("Made"), feed.get_feed("Made@Release")
    same((seen.id, seen.is_read_only, seen.fully_qualified_name), (made.id, True, "Made@Release"))
    same((seen.view.name, seen.fully_qualified_id), ("Release", f"{made.id}@{seen.view.id}"))


@step("feeds: a feed seen through a view names the view beside it")
def _():
    seen = feed.get_feed("Made@Release")
    same((seen.view_name, seen.view_id), ("Release", seen.view.id))


@step("feeds: get_feeds lists what the caller may read")
def _():
    assert {"house", "Made", "with-sources"} <= set(names(feed.get_feeds()))
    same(sorted(names(clients("reader").get_feed_client().get_feeds())), ["each", "house"])
    assert "by-base-url" in names(feed.get_feeds()), "the organization's list has the feeds of its projects"
    same(names(feed.get_feeds(project="workshop")), ["by-base-url"])


@step("feeds: get_feeds filters by role")
def _():
    reader = clients("reader").get_feed_client()
    same(sorted(names(reader.get_feeds(feed_role="reader"))), ["each", "house"])
    same(names(reader.get_feeds(feed_role="contributor")), [])
    assert "house" in names(feed.get_feeds(feed_role="administrator"))


@step("feeds: update_feed changes the description")
def _():
    changed = feed.update_feed(FeedUpdate(description="changed"), "Made")
    same((changed.name, changed.description), ("Made", "changed"))
    same(feed.get_feed("Made").description, "changed")


@step("feeds: update_feed changes switches and keeps the rest")
def _():
    wish = FeedUpdate(allow_upstream_name_conflict=True, badges_enabled=True, hide_deleted_package_versions=False)
    changed = feed.update_feed(wish, "Made")
    same((changed.allow_upstream_name_conflict, changed.badges_enabled, changed.hide_deleted_package_versions), (True, True, False))
    same(feed.get_feed("Made").description, "changed")


@step("feeds: update_feed reorders and drops upstream sources")
def _():
    one, two = feed.get_feed("with-sources").upstream_sources
    changed = feed.update_feed(FeedUpdate(upstream_sources=[two, one]), "with-sources")
    same([source.id for source in changed.upstream_sources], [two.id, one.id])
    changed = feed.update_feed(FeedUpdate(upstream_sources=[one]), "with-sources")
    same([source.id for source in changed.upstream_sources], [one.id])


@step("feeds: removed upstream sources are shown to those who ask")
def _():
    same(names(feed.get_feed("with-sources").upstream_sources), ["one"])
    shown = feed.get_feed("with-sources", include_deleted_upstreams=True).upstream_sources
    assert isinstance(only(shown, name="two").deleted_date, datetime.datetime)


@step("feeds: update_feed renames")
def _():
    made = feed.create_feed(Feed(name="before"))
    same(feed.update_feed(FeedUpdate(name="after"), "before").name, "after")
    same(feed.get_feed("after").id, made.id)
    same(feed.get_feed(made.id).name, "after")


@step("feeds: update_feed chooses the default view")
def _():
    release = feed.get_feed_view("Made", "Release")
    same(feed.update_feed(FeedUpdate(default_view_id=release.id), "Made").default_view_id, release.id)


@step("feeds: a reader changes and deletes nothing")
def _():
    reader = clients("reader").get_feed_client()
    refused("Forbidden", "", reader.update_feed, FeedUpdate(description="mine"), "house")
    refused("Forbidden", "", reader.delete_feed, "house")
    refused("Forbidden", "", reader.create_feed, Feed(name="mine"))
    refused("Unauthorized", "", clients("anonymous").get_feed_client().get_feed, "house")


@step("feeds: a feed of a project is created, read, changed and deleted there")
def _():
    made = feed.create_feed(Feed(name="Made"), project="workshop")
    same(made.project.name, "workshop")
    assert made.id != feed.get_feed("Made").id
    same(feed.update_feed(FeedUpdate(description="here"), "Made", project="workshop").description, "here")
    feed.delete_feed("Made", project="workshop")
    refused("NotFound", "Made", feed.get_feed, "Made", project="workshop")


@step("feed recycle bin: delete_feed moves a feed there, and keeps its name")
def _():
    made = feed.create_feed(Feed(name="thrown"))
    same(feed.delete_feed("thrown"), None)
    refused("NotFound", "thrown", feed.get_feed, "thrown")
    assert "thrown" not in names(feed.get_feeds())
    refused("Conflict", "thrown", feed.create_feed, Feed(name="thrown"))
    deleted = only(feed.get_feeds_from_recycle_bin(), name="thrown")
    same(deleted.id, made.id)
    days = (deleted.scheduled_permanent_delete_date - deleted.deleted_date).days
    same(days, 30)


@step("feed recycle bin: restore_deleted_feed brings a feed back")
def _():
    same(feed.restore_deleted_feed(RESTORE, "thrown"), None)
    same(feed.get_feed("thrown").name, "thrown")
    assert "thrown" not in names(feed.get_feeds_from_recycle_bin())


@step("feed recycle bin: permanent_delete_feed takes a deleted feed, and only that")
def _():
    made = feed.get_feed("thrown")
    refused("NotFound", "", feed.permanent_delete_feed, made.id)
    feed.delete_feed(made.id)
    same(feed.permanent_delete_feed(made.id), None)
    assert "thrown" not in names(feed.get_feeds_from_recycle_bin())
    refused("NotFound", "", feed.restore_deleted_feed, RESTORE, made.id)


@step("feed recycle bin: of a project's feeds, in that project")
def _():
    assert "Made" in names(feed.get_feeds_from_recycle_bin(project="workshop"))
    feed.restore_deleted_feed(RESTORE, "Made", project="workshop")
    same(feed.get_feed("Made", project="workshop").name, "Made")


@step("views: get_feed_views lists the three of a new feed")
def _():
    views = feed.get_feed_views("Made")
    same([(view.name, view.type) for view in views], [("Local", "implicit"), ("Prerelease", "release"), ("Release", "release")])
    for view in views:
        is_guid(view.id)
        same((view.visibility, view.url.split("/")[-1]), ("collection", view.id))


@step("views: create_feed_view and get_feed_view by name and id")
def _():
    made = feed.create_feed_view(FeedView(name="Tested", type="release", visibility="private"), "Made")
    same((made.name, made.type, made.visibility), ("Tested", "release", "private"))
    same(feed.get_feed_view("Made", "tested").id, made.id)
    same(feed.get_feed_view("Made", made.id).name, "Tested")
    refused("Conflict", "Tested", feed.create_feed_view, FeedView(name="tested"), "Made")


@step("views: update_feed_view changes visibility and name")
def _():
    same(feed.update_feed_view(FeedView(visibility="organization"), "Made", "Tested").visibility, "organization")
    renamed = feed.update_feed_view(FeedView(name="Checked"), "Made", "Tested")
    same((renamed.name, renamed.visibility), ("Checked", "organization"))
    refused("NotFound", "Tested", feed.get_feed_view, "Made", "Tested")


@step("views: delete_feed_view removes all but Local")
def _():
    same(feed.delete_feed_view("Made", "Checked"), None)
    assert "Checked" not in names(feed.get_feed_views("Made"))
    refused("Conflict", "Local", feed.delete_feed_view, "Made", "Local")


@step("views: a reader sees views and makes none")
def _():
    reader = clients("reader").get_feed_client()
    same(len(reader.get_feed_views("house")), 3)
    refused("Forbidden", "", reader.create_feed_view, FeedView(name="mine"), "house")


@step("permissions: set_feed_permissions gives a role to a subject, which counts at once")
def _():
    dana = clients("dana").get_feed_client()
    refused("NotFound", "", dana.get_feed, "Made")
    given = feed.set_feed_permissions([FeedPermission(identity_descriptor="dana", role="contributor")], "Made")
    same([(one.identity_descriptor, one.role) for one in given], [("subject:dana", "contributor")])
    same(dana.get_feed("Made").name, "Made")
    refused("Forbidden", "", dana.update_feed, FeedUpdate(description="mine"), "Made")


@step("permissions: get_feed_permissions tells who has which role")
def _():
    one = only(feed.get_feed_permissions("Made"), identity_descriptor="subject:dana")
    same((one.role, one.display_name, one.is_inherited_role), ("contributor", "dana", False))
    same(len(feed.get_feed_permissions("Made", identity_descriptor="subject:dana")), 1)
    is_guid(feed.get_feed_permissions("Made", identity_descriptor="subject:dana", include_ids=True)[0].identity_id)


@step("permissions: a role on a view is a role on that view")
def _():
    feed.set_feed_permissions([FeedPermission(identity_descriptor="erin", role="reader")], "Made@Release")
    same([one.identity_descriptor for one in feed.get_feed_permissions("Made@Release", exclude_inherited_permissions=True)], ["subject:erin"])
    assert "subject:erin" not in [one.identity_descriptor for one in feed.get_feed_permissions("Made")]


@step("permissions: the role none takes a role away")
def _():
    feed.set_feed_permissions([FeedPermission(identity_descriptor="dana", role="none")], "Made")
    assert "subject:dana" not in [one.identity_descriptor for one in feed.get_feed_permissions("Made")]
    refused("NotFound", "", clients("dana").get_feed_client().get_feed, "Made")


@step("permissions: a reader gives nobody a role")
def _():
    reader = clients("reader").get_feed_client()
    wish = [FeedPermission(identity_descriptor="dana", role="administrator")]
    refused("Forbidden", "", reader.set_feed_permissions, wish, "house")


@step("permissions: global ones are set and read")
def _():
    wishes = [GlobalPermission(identity_descriptor="boss", role="administrator"), GlobalPermission(identity_descriptor="group:makers", role="feedCreator")]
    given = feed.set_global_permissions(wishes)
    same({one.identity_descriptor: one.role.lower() for one in given}, {"subject:boss": "administrator", "group:makers": "feedcreator"})
    found = only(feed.get_global_permissions(include_ids=True), identity_descriptor="group:makers")
    same(found.role, "feedCreator")
    is_guid(found.identity_id)


@step("permissions: those from the organization are inherited, and may be left out")
def _():
    same(only(feed.get_feed_permissions("Made"), identity_descriptor="subject:boss").is_inherited_role, True)
    same(feed.get_feed_permissions("Made", exclude_inherited_permissions=True), [])
    feed.set_global_permissions([GlobalPermission(identity_descriptor="boss", role="none")])
    assert "subject:boss" not in [one.identity_descriptor for one in feed.get_feed_permissions("Made")]


@step("retention: a feed has none until it is set")
def _():
    found = feed.get_feed_retention_policies("Made")
    assert found is None or found.count_limit is None, found


@step("retention: set_feed_retention_policies answers what it set")
def _():
    wish = FeedRetentionPolicy(count_limit=30, days_to_keep_recently_downloaded_packages=10)
    for found in (feed.set_feed_retention_policies(wish, "Made"), feed.get_feed_retention_policies("Made")):
        same((found.count_limit, found.days_to_keep_recently_downloaded_packages), (30, 10))
    refused("BadRequest", "countLimit", feed.set_feed_retention_policies, FeedRetentionPolicy(count_limit=0), "Made")


@step("retention: delete_feed_retention_policies ends it")
def _():
    same(feed.delete_feed_retention_policies("Made"), None)
    found = feed.get_feed_retention_policies("Made")
    assert found is None or found.count_limit is None, found


@step("feed changes: get_feed_changes tells of every feed, in order, from a token on")
def _():
    begun = moment()
    feed.update_feed(FeedUpdate(description="marked"), "Made")
    everything = eventually(feed.get_feed_changes, lambda page: page.next_feed_continuation_token >= begun)
    ids = [change.feed.id for change in everything.feed_changes]
    assert feed.get_feed("house").id in ids
    same(everything.count, len(ids))
    tokens = [change.feed_continuation_token for change in everything.feed_changes]
    same(tokens, sorted(set(tokens)))
    nothing = feed.get_feed_changes(continuation_token=everything.next_feed_continuation_token)
    same(nothing.feed_changes, [])
    changed = feed.update_feed(FeedUpdate(description="told"), "Made")
    look = lambda: feed.get_feed_changes(continuation_token=everything.next_feed_continuation_token)
    later = eventually(look, lambda page: page.feed_changes)
    same([(one.feed.id, one.change_type) for one in later.feed_changes], [(changed.id, "addOrUpdate")])


@step("feed changes: come in batches")
def _():
    whole = feed.get_feed_changes().feed_changes
    token, seen = 0, []
    while True:
        page = feed.get_feed_changes(continuation_token=token, batch_size=2)
        assert len(page.feed_changes) <= 2
        if page.next_feed_continuation_token == token:
            break
        seen += [change.feed.id for change in page.feed_changes]
        assert page.next_feed_continuation_token > token
        token = page.next_feed_continuation_token
    assert len(whole) > 5, len(whole)
    # A feed that changed again is told again on a later page.
    latest = list(dict.fromkeys(reversed(seen)))[::-1]
    same(latest, [change.feed.id for change in whole])


@step("feed changes: deleted feeds are told to those who ask")
def _():
    gone = feed.create_feed(Feed(name="gone"))
    feed.delete_feed(gone.id)
    look = lambda: feed.get_feed_changes(include_deleted=True)
    everything = eventually(look, lambda page: page.feed_changes[-1].change_type == "delete" and page.feed_changes[-1].feed.id == gone.id)
    told = [change for change in everything.feed_changes if change.feed.id == gone.id]
    assert gone.id not in [change.feed.id for change in feed.get_feed_changes().feed_changes]
    same([change.change_type for change in told], ["delete"])


@step("feed changes: get_feed_change tells the state of one feed")
def _():
    change = feed.get_feed_change("house")
    same((change.feed.name, change.change_type), ("house", "addOrUpdate"))
    assert change.feed_continuation_token > 0 and change.latest_package_continuation_token > 0


run()

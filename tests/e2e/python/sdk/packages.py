"""Packages across protocols: lists with every filter, versions, provenance, metrics, badges, changes, recycle bin, search.

Feed `house` holds what `ABOUT["packages"]` lists, and `kept` 1.0.0, saved from the upstream source.
"""

import datetime

from azure.devops.v7_1.feed.models import FeedUpdate
from azure.devops.v7_1.npm.models import PackageVersionDetails
from azure.devops.v7_1.nuget.models import PackageVersionDetails as ListedDetails
from azure.devops.v7_1.provenance.models import SessionRequest
from azure.devops.v7_1.search.models import PackageSearchRequest, SortOption
from steps import ABOUT, clients, drain, eventually, is_guid, moment, names, only, refused, run, same, step

FEED = "house"
ALL = sorted(package["name"] for package in ABOUT["packages"]) + ["kept"]

feed = clients().get_feed_client()
npm = clients().get_npm_client()
nuget = clients().get_nuget_client()


def package(name, **named):
    """One package, found by its name."""
    return only(feed.get_packages(FEED, package_name_query=name, **named), name=name)


def numbers(versions):
    """Their numbers, in order."""
    return [version.version for version in versions]


@step("packages: get_packages lists the packages of all protocols, each with its newest version")
def _():
    found = feed.get_packages(FEED)
    same(sorted(names(found)), sorted(ALL))
    for one in found:
        is_guid(one.id)
        same(len(one.versions), 1)
        assert one.versions[0].is_latest and one.url.endswith(one.id), one.as_dict()
    tool = only(found, name="left-tool")
    same((tool.protocol_type, tool.normalized_name, numbers(tool.versions)), ("Npm", "left-tool", ["1.1.0"]))
    same(len({one.id for one in found}), len(found))


@step("packages: protocol_type filters")
def _():
    for kind, name in (("Npm", "left-tool"), ("nuget", "House.Tool"), ("PyPi", "house-wheel"), ("Maven", "com.house:tool"), ("Cargo", "house-crate")):
        found = feed.get_packages(FEED, protocol_type=kind)
        assert name in names(found), names(found)
        same({one.protocol_type.lower() for one in found}, {kind.lower()})
    refused("BadRequest", "protocolType", feed.get_packages, FEED, protocol_type="punchcard")


@step("packages: package_name_query finds a part of a name in any case")
def _():
    same(names(feed.get_packages(FEED, package_name_query="EFT-TO")), ["left-tool"])
    same(names(feed.get_packages(FEED, package_name_query="no-such-thing")), [])


@step("packages: normalized_package_name finds one package")
def _():
    same(names(feed.get_packages(FEED, protocol_type="nuget", normalized_package_name="house.tool")), ["House.Tool"])


@step("packages: include_all_versions lists them, newest first")
def _():
    tool = package("left-tool", include_all_versions=True)
    same(numbers(tool.versions), ["2.0.0-beta.1", "1.1.0", "1.0.0"])
    same([version.is_latest for version in tool.versions], [False, True, False])


@step("packages: get_top_package_versions lists a few")
def _():
    assert 1 <= len(package("left-tool", get_top_package_versions=True).versions) <= 3


@step("packages: top and skip page through the list")
def _():
    whole = names(feed.get_packages(FEED))
    same(names(feed.get_packages(FEED, top=2)), whole[:2])
    same(names(feed.get_packages(FEED, top=2, skip=2)), whole[2:4])
    same(names(feed.get_packages(FEED, skip=len(whole))), [])


@step("packages: include_description brings descriptions")
def _():
    same(package("left-tool", include_description=True).versions[0].package_description, "published left-tool")
    same(package("left-tool").versions[0].package_description, None)


@step("packages: include_urls can be switched off")
def _():
    same(package("left-tool", include_urls=False).url, None)


@step("packages: is_listed shows what was unlisted")
def _():
    nuget.update_package_version(ListedDetails(listed=False), FEED, "House.Hidden", "1.0.0")
    assert "House.Hidden" not in names(feed.get_packages(FEED, protocol_type="nuget", is_listed=True))
    same(names(feed.get_packages(FEED, protocol_type="nuget", is_listed=False)), ["House.Hidden"])
    nuget.update_package_version(ListedDetails(listed=True), FEED, "House.Hidden", "1.0.0")


@step("packages: is_release leaves prereleases in or out")
def _():
    def newest(release):
        return numbers(only(feed.get_packages(FEED, protocol_type="nuget", is_release=release), name="House.Tool").versions)

    same(newest(True), ["1.1.0"])
    same(newest(False), ["2.0.0-beta.1"])


@step("packages: is_cached and direct_upstream_id show what was saved")
def _():
    same(names(feed.get_packages(FEED, is_cached=True)), ["kept"])
    source = feed.get_feed(FEED).upstream_sources[0]
    same(names(feed.get_packages(FEED, direct_upstream_id=source.id)), ["kept"])
    same(package("kept").is_cached, True)


@step("packages: get_packages through a view shows its members")
def _():
    npm.update_package(_promotion("Release"), FEED, "left-tool", "1.0.0")
    found = feed.get_packages(f"{FEED}@Release", include_all_versions=True)
    same([(one.name, numbers(one.versions)) for one in found], [("left-tool", ["1.0.0"])])


def _promotion(view):
    return PackageVersionDetails(views={"op": "add", "path": "/views/-", "value": view})


@step("packages: get_package answers one, with its versions")
def _():
    known = package("left-tool")
    one = feed.get_package(FEED, known.id)
    same((one.id, one.name, numbers(one.versions)), (known.id, "left-tool", ["1.1.0"]))
    every = feed.get_package(FEED, known.id, include_all_versions=True, include_description=True)
    same(numbers(every.versions), ["2.0.0-beta.1", "1.1.0", "1.0.0"])
    refused("NotFound", "", feed.get_package, FEED, "00000000-0000-4000-8000-000000000000")


@step("versions: get_package_versions lists them")
def _():
    versions = feed.get_package_versions(FEED, package("left-tool").id)
    same(numbers(versions), ["2.0.0-beta.1", "1.1.0", "1.0.0"])
    for version in versions:
        is_guid(version.id)
        assert isinstance(version.publish_date, datetime.datetime), version.publish_date
        same((version.is_deleted, version.is_listed, version.is_cached_version), (False, True, False))
        assert version.url.endswith(version.id), version.url
    same([view.name for view in only(versions, version="1.0.0").views], ["Local", "Release"])


@step("versions: is_deleted filters")
def _():
    known = package("@house/scoped")
    npm.unpublish_scoped_package(FEED, "house", "scoped", "1.1.0")
    same(numbers(feed.get_package_versions(FEED, known.id, is_deleted=False)), ["1.0.0"])
    same(numbers(feed.get_package_versions(FEED, known.id, is_deleted=True)), ["1.1.0"])
    same(numbers(feed.get_package_versions(FEED, known.id)), ["1.1.0", "1.0.0"])


@step("versions: get_package_version tells all about one")
def _():
    known = package("left-tool")
    one = only(feed.get_package_versions(FEED, known.id), version="1.1.0")
    version = feed.get_package_version(FEED, known.id, one.id)
    same((version.id, version.version, version.normalized_version), (one.id, "1.1.0", "1.1.0"))
    same((version.description, version.author, version.tags), ("published left-tool", "Dana", ["tool", "left"]))
    same([(each.package_name, each.version_range) for each in version.dependencies], [("kept", "^1.0.0")])
    same([each.name for each in version.files], ["left-tool-1.1.0.tgz"])
    same(version.source_chain, [])
    same(sorted(numbers(version.other_versions)), ["1.0.0", "2.0.0-beta.1"])
    same(version.protocol_metadata.data["name"], "left-tool")


@step("versions: what was saved has a source chain")
def _():
    known = package("kept")
    one = feed.get_package_versions(FEED, known.id)[0]
    version = feed.get_package_version(FEED, known.id, one.id)
    source = feed.get_feed(FEED).upstream_sources[0]
    same([(step.id, step.name) for step in version.source_chain], [(source.id, source.name)])
    same((version.direct_upstream_source_id, version.is_cached_version), (source.id, True))
    same(version.source_chain[0].upstream_source_type, "public")


@step("provenance: get_package_version_provenance tells who published")
def _():
    known = package("left-tool")
    version = only(feed.get_package_versions(FEED, known.id), version="1.1.0")
    found = feed.get_package_version_provenance(FEED, known.id, version.id)
    same((found.feed_id, found.package_id, found.package_version_id), (feed.get_feed(FEED).id, known.id, version.id))
    assert ABOUT["publisher"] in found.provenance.publisher_user_identity, found.provenance.publisher_user_identity


@step("provenance: create_session opens a session for a build")
def _():
    session = clients().get_provenance_client().create_session(SessionRequest(feed=FEED, source="InternalBuild", data={"build": "7"}), "npm")
    assert session.session_id and session.session_name, session


@step("provenance: what was published through a session tells so, whatever the protocol")
def _():
    built = [one for one in feed.get_packages("each") if one.name.lower().endswith("built")]
    same(sorted(one.protocol_type.lower() for one in built), ["cargo", "maven", "npm", "nuget", "pypi", "upack"])
    for one in built:
        found = feed.get_package_version_provenance("each", one.id, one.versions[0].id).provenance
        same((found.provenance_source, found.data), ("InternalBuild", {"Build.BuildId": "7"}))


@step("metrics: a package is downloaded, and downloaded again")
def _():
    once, again = (drain(npm.get_content_unscoped_package(FEED, "left-tool", "1.1.0")) for _ in range(2))
    assert once and once == again


@step("badges: get_badge draws the newest release for anybody, once they are switched on")
def _():
    known = package("left-tool")
    anonymous = clients("anonymous").get_feed_client()
    refused("NotFound", "", anonymous.get_badge, FEED, known.id)
    feed.update_feed(FeedUpdate(badges_enabled=True), FEED)
    drawn = drain(anonymous.get_badge(FEED, known.id)).decode()
    assert drawn.lstrip().startswith("<svg") and "1.1.0" in drawn and "beta" not in drawn, drawn


@step("badges: get_badge through a view draws that view's newest")
def _():
    known = package("left-tool")
    assert "1.0.0" in drain(feed.get_badge(f"{FEED}@Release", known.id)).decode()


def place(change):
    """What a change is about."""
    return (change.package.name, change.package_version_change.package_version.version)


@step("package changes: come in order, and only those after a token")
def _():
    begun = moment()
    npm.update_package(PackageVersionDetails(deprecate_message="marked"), FEED, "left-tool", "1.0.0")
    everything = eventually(lambda: feed.get_package_changes(FEED), lambda page: page.next_package_continuation_token >= begun)
    same(everything.count, len(everything.package_changes))
    told = [place(change) for change in everything.package_changes]
    assert ("left-tool", "1.0.0") in told and ("kept", "1.0.0") in told, told
    tokens = [change.package_version_change.continuation_token for change in everything.package_changes]
    same(tokens, sorted(set(tokens)))
    token = everything.next_package_continuation_token
    same(feed.get_package_changes(FEED, continuation_token=token).package_changes, [])
    npm.update_package(PackageVersionDetails(deprecate_message="old"), FEED, "left-tool", "1.0.0")
    look = lambda: feed.get_package_changes(FEED, continuation_token=token)
    later = eventually(look, lambda page: page.package_changes).package_changes
    same([(one.package.name, one.package_version_change.change_type) for one in later], [("left-tool", "addOrUpdate")])
    same(later[0].package_version_change.package_version.version, "1.0.0")


@step("package changes: come in batches, complete")
def _():
    whole = [change.package_version_change.continuation_token for change in feed.get_package_changes(FEED).package_changes]
    assert len(whole) > 9, whole
    token, seen = 0, []
    while True:
        page = feed.get_package_changes(FEED, continuation_token=token, batch_size=3)
        assert len(page.package_changes) <= 3
        if not page.package_changes:
            break
        seen += [(place(change), change.package_version_change.continuation_token) for change in page.package_changes]
        token = page.next_package_continuation_token
    # A version that changed again is told again on a later page.
    same(sorted(dict(seen).values()), whole)


@step("package changes: a deletion is told")
def _():
    token = feed.get_package_changes(FEED).next_package_continuation_token
    npm.unpublish_package(FEED, "fading", "1.0.0")
    look = lambda: feed.get_package_changes(FEED, continuation_token=token)
    later = eventually(look, lambda page: page.package_changes).package_changes
    same([(one.package.name, one.package_version_change.change_type) for one in later], [("fading", "delete")])


@step("recycle bin: get_recycle_bin_packages lists what was deleted, with filters")
def _():
    npm.unpublish_package(FEED, "doomed", "1.0.0")
    assert {"doomed", "@house/scoped"} <= set(names(feed.get_recycle_bin_packages(FEED)))
    same(names(feed.get_recycle_bin_packages(FEED, package_name_query="oom")), ["doomed"])
    same(names(feed.get_recycle_bin_packages(FEED, protocol_type="maven")), [])
    same(len(feed.get_recycle_bin_packages(FEED, top=1)), 1)
    same(numbers(only(feed.get_recycle_bin_packages(FEED, include_all_versions=True), name="doomed").versions), ["1.0.0"])


@step("recycle bin: get_packages leaves out what was deleted, unless it is asked for")
def _():
    assert "doomed" not in names(feed.get_packages(FEED))
    assert "doomed" in names(feed.get_packages(FEED, include_deleted=True))


@step("recycle bin: get_recycle_bin_package and its versions")
def _():
    doomed = only(feed.get_recycle_bin_packages(FEED), name="doomed")
    same(feed.get_recycle_bin_package(FEED, doomed.id).name, "doomed")
    version = only(feed.get_recycle_bin_package_versions(FEED, doomed.id), version="1.0.0")
    one = feed.get_recycle_bin_package_version(FEED, doomed.id, version.id)
    same((one.version, one.is_deleted), ("1.0.0", True))
    same((one.scheduled_permanent_delete_date - one.deleted_date).days, 30)


@step("recycle bin: a reader sees it and does not empty it")
def _():
    reader = clients("reader").get_feed_client()
    assert "doomed" in names(reader.get_recycle_bin_packages(FEED))
    refused("Forbidden", "", reader.empty_recycle_bin, FEED)
    refused("Unauthorized", "", clients("anonymous").get_feed_client().get_recycle_bin_packages, FEED)


@step("recycle bin: empty_recycle_bin queues an operation")
def _():
    operation = feed.empty_recycle_bin(FEED)
    is_guid(operation.id)
    same(operation.status, "queued")


@step("search: fetch_package_search_results finds packages across feeds")
def _():
    request = PackageSearchRequest(search_text="left", top=10, skip=0, include_facets=True, filters={"ProtocolType": ["Npm"]})
    content = clients().get_search_client().fetch_package_search_results(request).content
    found = only(content.results, name="left-tool")
    same((found.protocol_type.lower(), found.description), ("npm", "published left-tool"))
    place = only(found.feeds, feed_name=FEED)
    same((place.feed_id, place.latest_version), (feed.get_feed(FEED).id, "1.1.0"))
    assert content.count >= 1 and content.facets["ProtocolType"][0].result_count >= 1, content.as_dict()


@step("search: nothing is shown of feeds that the caller may not read")
def _():
    request = PackageSearchRequest(search_text="secret", top=10, skip=0, order_by=[SortOption(field="name", sort_order="ASC")])
    same(names(clients().get_search_client().fetch_package_search_results(request).content.results), ["secret-tool"])
    same(clients("reader").get_search_client().fetch_package_search_results(request).content.results, [])


run()

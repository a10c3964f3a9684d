"""The calls that each protocol has of its own: versions, batches, recycle bin, behavior, content, README.

In feed `each`, every package has versions 1.0.0 to 1.3.0. All protocols go through the same steps; what differs is below.
"""

import datetime
import hashlib

from azure.devops.v7_1.npm import models as npm
from azure.devops.v7_1.nuget import models as nuget
from calls import FEED, Maven, Npm, ViewData, protocols
from steps import ABOUT, clients, drain, refused, run, same, step

DIGESTS = ABOUT["digests"]


def declare(protocol):
    """The steps of one protocol; they build on each other."""
    label, get = protocol.label, protocol.get
    reader = next(one for one in protocols("reader") if one.label == label)

    @step(f"{label}: get a version")
    def _():
        found = get("1.0.0")
        same((found.name, found.version), (protocol.name, "1.0.0"))
        assert found.id, found.as_dict()
        refused("NotFound", "9.9.9", get, "9.9.9")
        same(reader.get("1.0.0").version, "1.0.0")

    @step(f"{label}: update a version, which promotes it")
    def _():
        refused("NotFound", "", get, "1.0.0", feed=f"{FEED}@Release")
        refused("Forbidden", "", reader.promote, "1.0.0", "Release")
        protocol.promote("1.0.0", "Release")
        same(get("1.0.0", feed=f"{FEED}@Release").version, "1.0.0")
        refused("NotFound", "Nowhere", protocol.promote, "1.0.0", "Nowhere")

    @step(f"{label}: a batch promotes several versions")
    def _():
        protocol.batch("promote", ["1.1.0", "1.2.0"], ViewData("Prerelease"))
        for version in ("1.1.0", "1.2.0"):
            same(get(version, feed=f"{FEED}@Prerelease").version, version)
        refused("BadRequest", "viewId", protocol.batch, "promote", ["1.1.0"], {})
        refused("Forbidden", "", reader.batch, "promote", ["1.1.0"], ViewData("Release"))

    if protocol.client.__class__.__name__ != "UPackApiClient":

        @step(f"{label}: read and set the upstreaming behavior, before first use too")
        def _():
            for at in (protocol.at, (*protocol.at[:-1], "not-there-yet")):
                there = type(protocol)(label, protocol.client, protocol.models, at, **protocol.functions)
                read = lambda: there.call("get_upstreaming_behavior").versions_from_external_upstreams
                write = lambda text: there.call("set_upstreaming_behavior", protocol.models.UpstreamingBehavior(versions_from_external_upstreams=text))
                same(read(), "auto")
                write("allowExternalVersions")
                same(read(), "allowExternalVersions")
                write("auto")
                same(read(), "auto")

        @step(f"{label}: download content")
        def _():
            for caller in (protocol, reader):
                told = DIGESTS[label]
                content = drain(caller.call("content", "1.0.0", *told["file"]))
                same(hashlib.sha256(content).hexdigest(), told["sha256"])
            refused("NotFound", "", protocol.call, "content", "9.9.9", *told["file"])

    @step(f"{label}: delete a version, and find it in the recycle bin")
    def _():
        refused("Forbidden", "", reader.delete, "1.1.0")
        protocol.delete("1.1.0")
        refused("NotFound", "1.1.0", get, "1.1.0")
        state = protocol.deleted("1.1.0")
        same(state.version, "1.1.0")
        assert isinstance(getattr(state, protocol.deleted_date), datetime.datetime), state.as_dict()
        if isinstance(protocol, Maven):
            same((state.group_id, state.artifact_id), protocol.at)
        else:
            same(state.name, protocol.name)
        refused("NotFound", "", protocol.deleted, "1.0.0")

    if not isinstance(protocol, Npm):

        @step(f"{label}: a deleted version is shown to those who ask")
        def _():
            found = get("1.1.0", show_deleted=True)
            assert isinstance(found.deleted_date, datetime.datetime), found.as_dict()

    if not isinstance(protocol, Maven):

        @step(f"{label}: deleting answers the deleted package")
        def _():
            gone = protocol.delete("1.3.0")
            same(gone.version, "1.3.0")
            assert isinstance(getattr(gone, protocol.deleted_date), datetime.datetime), gone.as_dict()
            protocol.restore("1.3.0")

    @step(f"{label}: restore a version from the recycle bin")
    def _():
        protocol.restore("1.1.0")
        same(get("1.1.0").version, "1.1.0")
        refused("NotFound", "", protocol.deleted, "1.1.0")

    @step(f"{label}: batches delete, restore and purge")
    def _():
        protocol.batch("delete", ["1.2.0", "1.3.0"])
        for version in ("1.2.0", "1.3.0"):
            refused("NotFound", version, get, version)
        refused("Forbidden", "", reader.batch, "restoreToFeed", ["1.2.0"], recycle_bin=True)
        protocol.batch("restoreToFeed", ["1.2.0"], recycle_bin=True)
        same(get("1.2.0").version, "1.2.0")
        protocol.batch("permanentDelete", ["1.3.0"], recycle_bin=True)
        refused("NotFound", "", protocol.deleted, "1.3.0")

    @step(f"{label}: permanently delete a version")
    def _():
        protocol.delete("1.2.0")
        protocol.purge("1.2.0")
        refused("NotFound", "", protocol.deleted, "1.2.0")
        refused("NotFound", "", protocol.restore, "1.2.0")


for one in protocols():
    declare(one)

unscoped, scoped, gallery = protocols()[:3]


@step("npm: get the README")
def _():
    for package in (unscoped, scoped):
        same(drain(package.call("readme", "1.0.0")).decode(), f"# {package.name}\n")


@step("npm: deprecate a version, and take it back")
def _():
    def deprecate(text):
        details = npm.PackageVersionDetails(deprecate_message=text)
        return unscoped.call("update_package_version", "1.0.0", body=(details,)).deprecate_message

    same(deprecate("use another"), "use another")
    same(unscoped.get("1.0.0").deprecate_message, "use another")
    same(deprecate(""), None)
    same(unscoped.get("1.0.0").deprecate_message, None)


@step("npm: a batch deprecates")
def _():
    unscoped.batch("deprecate", ["1.0.0", "1.1.0"], npm.BatchDeprecateData(message="all of them"))
    for version in ("1.0.0", "1.1.0"):
        same(unscoped.get(version).deprecate_message, "all of them")


@step("nuget: unlist a version, and list it")
def _():
    same(gallery.get("1.0.0").listed, True)
    gallery.call("update_package_version", "1.0.0", body=(nuget.PackageVersionDetails(listed=False),))
    same(gallery.get("1.0.0").listed, False)
    gallery.batch("list", ["1.0.0", "1.1.0"], nuget.BatchListData(listed=True))
    same(gallery.get("1.0.0").listed, True)


@step("npm: what was saved tells where it came from")
def _():
    found = clients().get_npm_client().get_package_info("house", "kept", "1.0.0")
    source = clients().get_feed_client().get_feed("house").upstream_sources[0]
    same([(each.id, each.name, each.source_type) for each in found.source_chain], [(source.id, source.name, "public")])


run()

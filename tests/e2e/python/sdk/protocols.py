"""The calls that each protocol has of its own: versions, batches, recycle bin, behavior, content, README.

In feed `each`, every package has versions 1.0.0 to 1.3.0. All protocols go through the same steps; what differs is below.
"""

import datetime
import hashlib

import requests
from azure.devops.v7_1.maven import models as maven
from azure.devops.v7_1.npm import models as npm
from azure.devops.v7_1.nuget import models as nuget
from azure.devops.v7_1.py_pi_api import models as pypi
from azure.devops.v7_1.upack_api import models as upack
from steps import ABOUT, URL, clients, drain, refused, run, same, step

FEED = "each"
DIGESTS = ABOUT["digests"]


class Protocol:
    """The functions and models of a client under one name each; `at` is what stands between feed and version."""

    deleted_date = "deleted_date"
    item = staticmethod(lambda models, at, version: models.MinimalPackageDetails(id=at[0], version=version))

    def __init__(self, label, client, models, at, **functions):
        self.label, self.client, self.models, self.at = label, client, models, at
        self.functions = functions

    @property
    def name(self):
        """The package's name as answers spell it."""
        return self.at[0]

    def call(self, function, *arguments, feed=FEED, body=(), **named):
        """Calls one of the functions, with the package between the feed and the other arguments."""
        return getattr(self.client, self.functions.get(function, function))(*body, feed, *self.at, *arguments, **named)

    def get(self, version, **named):
        return self.call("get_package_version", version, **named)

    def promote(self, version, view, **named):
        details = self.models.PackageVersionDetails(views=self.models.JsonPatchOperation(op="add", path="/views/-", value=view))
        return self.call("update_package_version", version, body=(details,), **named)

    def delete(self, version, **named):
        return self.call("delete_package_version", version, **named)

    def deleted(self, version, **named):
        return self.call("get_package_version_metadata_from_recycle_bin", version, **named)

    def restore(self, version):
        kind = next(name for name in dir(self.models) if name.endswith("RecycleBinPackageVersionDetails"))
        details = getattr(self.models, kind)(deleted=False)
        return self.call("restore_package_version_from_recycle_bin", version, body=(details,))

    def purge(self, version):
        return self.call("delete_package_version_from_recycle_bin", version)

    def batch(self, operation, versions, data=None, recycle_bin=False, feed=FEED):
        kind = next(name for name in dir(self.models) if name.endswith("PackagesBatchRequest"))
        items = [self.item(self.models, self.at, version) for version in versions]
        request = getattr(self.models, kind)(operation=operation, data=data, packages=items)
        function = "update_recycle_bin_package_versions" if recycle_bin else "update_package_versions"
        return getattr(self.client, self.functions.get(function, function))(request, feed)


class Npm(Protocol):
    """npm's packages without a scope."""

    deleted_date = "unpublished_date"


class Scoped(Npm):
    """And those with one."""

    item = staticmethod(lambda models, at, version: models.MinimalPackageDetails(id=f"@{at[0]}/{at[1]}", version=version))

    @property
    def name(self):
        return f"@{self.at[0]}/{self.at[1]}"


class Maven(Protocol):
    """Maven's artifacts, which have a name of two parts."""

    item = staticmethod(lambda models, at, version: models.MavenMinimalPackageDetails(group=at[0], artifact=at[1], version=version))

    @property
    def name(self):
        return f"{self.at[0]}:{self.at[1]}"


class ViewData(npm.BatchOperationData):
    """What the SDK has no model for: the view of a batch that promotes."""

    _attribute_map = {"view_id": {"key": "viewId", "type": "str"}}

    def __init__(self, view_id):
        super().__init__()
        self.view_id = view_id


NPM = {"update_package_versions": "update_packages", "update_recycle_bin_package_versions": "update_recycle_bin_packages"}
UNSCOPED = {
    **NPM,
    "get_package_version": "get_package_info",
    "update_package_version": "update_package",
    "delete_package_version": "unpublish_package",
    "content": "get_content_unscoped_package",
    "readme": "get_readme_unscoped_package",
}
SCOPED = {
    **NPM,
    "get_package_version": "get_scoped_package_info",
    "update_package_version": "update_scoped_package",
    "delete_package_version": "unpublish_scoped_package",
    "content": "get_content_scoped_package",
    "readme": "get_readme_scoped_package",
    "get_upstreaming_behavior": "get_scoped_upstreaming_behavior",
    "set_upstreaming_behavior": "set_scoped_upstreaming_behavior",
    "get_package_version_metadata_from_recycle_bin": "get_scoped_package_version_metadata_from_recycle_bin",
    "restore_package_version_from_recycle_bin": "restore_scoped_package_version_from_recycle_bin",
    "delete_package_version_from_recycle_bin": "delete_scoped_package_version_from_recycle_bin",
}
DOWNLOAD = {"content": "download_package"}
ARTIFACT = {**DOWNLOAD, "delete_package_version": "package_delete", "update_recycle_bin_package_versions": "update_recycle_bin_packages"}


def protocols(role="admin"):
    """All protocols, as callers of that role."""
    of = clients(role)
    return [
        Npm("npm", of.get_npm_client(), npm, ("each-tool",), **UNSCOPED),
        Scoped("npm scoped", of.get_npm_client(), npm, ("house", "each"), **SCOPED),
        Protocol("nuget", of.get_nuget_client(), nuget, ("Each.Tool",), **DOWNLOAD),
        Protocol("pypi", of.get_py_pi_api_client(), pypi, ("each-wheel",), **DOWNLOAD),
        Maven("maven", of.get_maven_client(), maven, ("com.house", "each"), **ARTIFACT),
        Protocol("universal", of.get_upack_api_client(), upack, ("each-files",)),
    ]


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


@step("universal: publish with plain HTTP")
def _():
    for version in ("1.0.0", "1.1.0", "1.2.0", "1.3.0"):
        address = f"{URL}/_packaging/{FEED}/upack/each-files/{version}/data.txt"
        answer = requests.put(address, data=f"data of {version}\n".encode(), auth=("any", ABOUT["tokens"]["admin"]), timeout=60)
        assert answer.ok, f"{answer.status_code}: {answer.text}"


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

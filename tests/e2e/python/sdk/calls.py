"""The calls that each protocol has of its own, under one name each."""

from azure.devops.v7_1.maven import models as maven
from azure.devops.v7_1.npm import models as npm
from azure.devops.v7_1.nuget import models as nuget
from azure.devops.v7_1.py_pi_api import models as pypi
from azure.devops.v7_1.upack_api import models as upack
from steps import clients

FEED = "each"


class Protocol:
    """The functions and models of a client under one name each; `at` is what stands between feed and version."""

    feed = FEED
    deleted_date = "deleted_date"
    item = staticmethod(lambda models, at, version: models.MinimalPackageDetails(id=at[0], version=version))

    def __init__(self, label, client, models, at, **functions):
        self.label, self.client, self.models, self.at = label, client, models, at
        self.functions = functions

    @property
    def name(self):
        """The package's name as answers spell it."""
        return self.at[0]

    def call(self, function, *arguments, feed=None, body=(), **named):
        """Calls one of the functions, with the package between the feed and the other arguments."""
        return getattr(self.client, self.functions.get(function, function))(*body, feed or self.feed, *self.at, *arguments, **named)

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

    def batch(self, operation, versions, data=None, recycle_bin=False, feed=None):
        kind = next(name for name in dir(self.models) if name.endswith("PackagesBatchRequest"))
        items = [self.item(self.models, self.at, version) for version in versions]
        request = getattr(self.models, kind)(operation=operation, data=data, packages=items)
        function = "update_recycle_bin_package_versions" if recycle_bin else "update_package_versions"
        return getattr(self.client, self.functions.get(function, function))(request, feed or self.feed)


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
    """All protocols, as callers of that role; the packages are those of feed `each`."""
    of = clients(role)
    return [
        Npm("npm", of.get_npm_client(), npm, ("each-tool",), **UNSCOPED),
        Scoped("npm scoped", of.get_npm_client(), npm, ("house", "each"), **SCOPED),
        Protocol("nuget", of.get_nuget_client(), nuget, ("Each.Tool",), **DOWNLOAD),
        Protocol("pypi", of.get_py_pi_api_client(), pypi, ("each-wheel",), **DOWNLOAD),
        Maven("maven", of.get_maven_client(), maven, ("com.house", "each"), **ARTIFACT),
        Protocol("universal", of.get_upack_api_client(), upack, ("each-files",)),
    ]

"""What shows once cron has been: counted downloads, and an emptied recycle bin. Runs after `packages.py`."""

import datetime

from azure.devops.v7_1.feed.models import PackageMetricsQuery, PackageVersionMetricsQuery
from steps import clients, only, run, same, step

FEED = "house"

feed = clients().get_feed_client()


def left_tool():
    """The package that was downloaded."""
    return only(feed.get_packages(FEED, package_name_query="left-tool"), name="left-tool")


@step("metrics: query_package_metrics counts downloads")
def _():
    known = left_tool()
    found = only(feed.query_package_metrics(PackageMetricsQuery(package_ids=[known.id]), FEED), package_id=known.id)
    same((found.download_count, found.download_unique_users), (2, 1))
    assert isinstance(found.last_downloaded, datetime.datetime), found.as_dict()


@step("metrics: query_package_version_metrics tells versions apart")
def _():
    known = left_tool()
    versions = feed.get_package_versions(FEED, known.id)
    query = PackageVersionMetricsQuery(package_version_ids=[version.id for version in versions])
    found = feed.query_package_version_metrics(query, FEED, known.id)
    same(only(found, package_version_id=only(versions, version="1.1.0").id).download_count, 2)
    idle = [each.download_count for each in found if each.package_version_id == only(versions, version="1.0.0").id]
    assert idle in ([], [0]), idle


@step("recycle bin: is empty once that is done")
def _():
    same(feed.get_recycle_bin_packages(FEED), [])


run()

// A server for a test file, and feeds that end with the test that made them.
import { after, afterEach, before } from "node:test";
import { startEdgefeed } from "./edgefeed.mjs";

/**
 * Starts a server before the file's tests and stops it after them.
 *
 * @param {object} [defaults] settings of every feed
 * @returns {(settings?: object) => Promise<object>} makes a feed, as `edgefeed.feed` does; it is disposed of after the test
 */
export function feedMaker(defaults = {}) {
  const feeds = [];
  let edgefeed;
  before(async () => {
    edgefeed = await startEdgefeed();
  });
  afterEach(async () => {
    for (const feed of feeds.splice(0)) await feed.dispose();
  });
  after(() => edgefeed?.stop());
  return async (settings) => {
    const feed = await edgefeed.feed({ ...defaults, ...settings });
    feeds.push(feed);
    return feed;
  };
}

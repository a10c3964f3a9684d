"""Fetches the pip that a lock file names, for machines whose Python comes without one.

    python3 bootstrap-pip.py <page of pip on an index, JSON> <lock file> <folder>   prints the path of the wheel
"""

import hashlib
import json
import os
import re
import sys
import urllib.parse
import urllib.request

page, lock, folder = sys.argv[1:]
allowed = set(re.findall(r"sha256:([0-9a-f]{64})", open(lock).read()))
request = urllib.request.Request(page, headers={"Accept": "application/vnd.pypi.simple.v1+json"})
with urllib.request.urlopen(request, timeout=60) as answer:
    address = answer.url
    files = json.load(answer)["files"]
wheel = next(f for f in files if f["filename"].endswith(".whl") and f["hashes"]["sha256"] in allowed)
with urllib.request.urlopen(urllib.parse.urljoin(address, wheel["url"]), timeout=60) as answer:
    content = answer.read()
if hashlib.sha256(content).hexdigest() != wheel["hashes"]["sha256"]:
    sys.exit("the wheel of pip is not the one that its page describes")
path = os.path.join(folder, wheel["filename"])
with open(path, "wb") as file:
    file.write(content)
print(path)

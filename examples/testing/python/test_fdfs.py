"""Run with a cluster: npx fastdfs serve --control 0 -- python3 -m unittest discover -s python"""

import json
import os
import unittest
import urllib.request

import fdfs

TRACKER = os.environ["FASTDFS_TRACKERS"].split(",")[0]


def control(method, path, body=None):
    """Asks the cluster's control port."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(os.environ["FASTDFS_CONTROL"] + path, data, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


class FdfsTest(unittest.TestCase):
    def setUp(self):
        control("POST", "/reset")

    def test_gives_what_was_stored(self):
        group, name = fdfs.upload(TRACKER, b"hello", "txt")
        self.assertTrue(name.endswith(".txt"))
        self.assertEqual(fdfs.download(TRACKER, group, name), b"hello")

    def test_client_conf_names_the_trackers(self):
        with open(os.environ["FASTDFS_CONFIG"], encoding="utf-8") as conf:
            self.assertIn(f"tracker_server = {TRACKER}\n", conf.read())

    def test_says_that_the_disk_is_full(self):
        fault = {"match": {"on": "storage", "command": "uploadFile"}, "effect": {"status": 28}}
        control("POST", "/faults", fault)
        with self.assertRaises(fdfs.StatusError) as raised:
            fdfs.upload(TRACKER, b"hello")
        self.assertEqual(raised.exception.status, 28)
        self.assertEqual([made["hits"] for made in control("GET", "/faults")], [1])

    def test_shows_what_was_asked(self):
        fdfs.upload(TRACKER, b"hello", "txt")
        requests = control("GET", "/requests?command=uploadFile")
        self.assertEqual([request["contentSize"] for request in requests], [5])


if __name__ == "__main__":
    unittest.main()

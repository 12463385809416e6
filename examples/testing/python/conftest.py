"""Fixtures for pytest: one cluster for all tests, fresh for each."""

import json
import subprocess
import urllib.request

import pytest


class Cluster:
    """A FastDFS cluster in a process of its own."""

    def __init__(self, ready):
        self.trackers = ready["env"]["FASTDFS_TRACKERS"].split(",")
        self.control_url = ready["control"]

    def control(self, method, path, body=None):
        """Asks the cluster's control port: POST /faults, GET /requests…"""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.control_url + path, data, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)


@pytest.fixture(scope="session")
def fastdfs_process():
    command = ["npx", "fastdfs", "serve", "--json", "--port", "0", "--control", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield Cluster(json.loads(process.stdout.readline()))
        process.terminate()


@pytest.fixture
def fastdfs(fastdfs_process):
    fastdfs_process.control("POST", "/reset")
    return fastdfs_process

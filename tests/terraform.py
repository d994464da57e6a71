"""Terraform as a test drives it: a copy of a tree, the provider from a local mirror where there is one, JSON out."""
import json
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from harness import ROOT

# The deployment guide's tree lies beside the project where the project is developed; elsewhere BOREAL_GUIDE names it.
GUIDE = Path(os.environ.get("BOREAL_GUIDE", ROOT.parent / "shared/guide/terraform"))
# Where a provider mirror may be, besides what Terraform looks through by itself.
MIRRORS = [Path(p) for p in (os.environ.get("TF_PLUGIN_DIR", ""), "/opt/tf-plugins", "/usr/share/terraform/plugins") if p]

PASSWORDS = {"db_password": "Correct-Horse-42", "source_password": "Source-Horse-42"}


def needs_terraform(cls):
    if not shutil.which("terraform"):
        return unittest.skip("terraform is not installed")(cls)
    if not any(m.is_dir() for m in MIRRORS):
        return unittest.skip("no Terraform provider mirror is here (TF_PLUGIN_DIR)")(cls)
    return cls


class Tree:
    """A working copy of a Terraform tree, and one environment in it."""

    def __init__(self, source, environment, boreal, **variables):
        self.base = Path(tempfile.mkdtemp(prefix="boreal-tf-"))
        shutil.copytree(source, self.base / "tree", ignore=shutil.ignore_patterns(".terraform", "*.tfstate*"))
        self.folder = self.base / "tree" / environment
        self.env = boreal.environment(TF_IN_AUTOMATION="1", TF_INPUT="0", CHECKPOINT_DISABLE="1", TF_CLI_CONFIG_FILE=os.devnull)
        self.env.pop("AWS_ENDPOINT_URL")
        self.env.pop("AWS_MAX_ATTEMPTS")
        for name, value in variables.items():
            self.env[f"TF_VAR_{name}"] = value if isinstance(value, str) else json.dumps(value)
        mirror = next(m for m in MIRRORS if m.is_dir())
        self.run("init", "-no-color", f"-plugin-dir={mirror}")

    def run(self, *args, check=True, timeout_s=1800):
        done = subprocess.run(["terraform", *args], cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=timeout_s)
        if check and done.returncode != 0:
            raise AssertionError(f"terraform {' '.join(args)} ended with {done.returncode}:\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}")
        return done

    def start(self, *args):
        return subprocess.Popen(["terraform", *args], cwd=self.folder, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def apply(self, *args, **kwargs):
        return self.run("apply", "-no-color", "-auto-approve", *args, **kwargs)

    def destroy(self, *args, **kwargs):
        return self.run("destroy", "-no-color", "-auto-approve", *args, **kwargs)

    def assert_plan_is_empty(self):
        done = self.run("plan", "-no-color", "-detailed-exitcode", check=False)
        if done.returncode != 0:
            raise AssertionError(f"the second plan is not empty ({done.returncode}):\n{done.stdout[-8000:]}\n{done.stderr[-4000:]}")

    def outputs(self):
        return {k: v["value"] for k, v in json.loads(self.run("output", "-json").stdout).items()}

    def clean(self):
        shutil.rmtree(self.base, ignore_errors=True)

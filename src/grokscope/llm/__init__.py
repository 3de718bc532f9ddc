"""Grokking inside mixture-of-experts language models: routers tapped, pathways measured."""

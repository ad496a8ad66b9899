"""Bursts under load from the local cloud to another provider and back: every request must be answered.

Home is the local cloud with room for two members; away is a Docker engine of our own, or EC2: moto's API, and real
processes on addresses of the loopback that play the machines (``machines.py``). Each network partition has a HAProxy,
and a third one before them spreads the requests. In each cycle the load outgrows home until away serves and a limit
holds it (the application's budget, the tenant's quota, the room of away, in turn), then falls until nobody is left
away. No request may fail, and no limit be exceeded by any record of a member.
"""

"""The records on the topics, one file for each word: sample, forecast, decision, action, outcome, member, balancer."""

"""What a stream costs: against a bare socket, against a framework, with null models, and on the whole machine."""

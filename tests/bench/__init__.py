"""Speed and accuracy of the whole: a gateway and a Triton of its own, clients beside them, bars that must hold."""

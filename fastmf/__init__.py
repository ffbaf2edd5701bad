"""fastmf"""
